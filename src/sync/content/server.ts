import { MeshError } from '../../errors/index.ts'
import { sleep, watch } from '../async.ts'
import { CONTENT_FRAME_BYTES, MAX_FRAME_BYTES, MAX_SERVED_STREAMS } from '../limits.ts'
import { HOLDER_ANSWER_TIMEOUT_MS, MAX_SERVED_STREAMS_PER_PEER, SERVE_STALL_MS } from '../limits.ts'
import { malformed } from '../wire.ts'
import { decodeRequest, encodeAnswer } from './messages.ts'
import type { PeerId } from '../../keys/index.ts'
import type { FrameStream, ProtocolInit } from '../../transport/index.ts'
import type { Clock } from '../../util/index.ts'
import type { Collection, Content, HeldContent } from '../collection.ts'
import type { ContentAnswer } from './messages.ts'

export const CONTENT_PROTOCOL = '/mesh/content/1'
export const CONTENT_INIT: ProtocolInit = {
  maxFrameBytes: MAX_FRAME_BYTES,
  maxStreamsPerPeer: MAX_SERVED_STREAMS_PER_PEER,
}

/** Serves content that this node shows to the members that ask for it. */
export interface ContentServer {
  start(): void
  serve(stream: FrameStream): Promise<void>
  stop(): Promise<void>
}

export interface ContentServerInit {
  readonly clock: Clock
  readonly collections: ReadonlyMap<string, Collection>
  /** So many bytes are about to go; answers how long to wait before. @default no limit */
  readonly takeUpload?: (peer: PeerId, bytes: number) => number
}

/** The same bytes in pieces of one size, except the last: small ones cost more than they carry. */
export async function* reframe(content: Content, pieceBytes: number): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(pieceBytes)
  let filled = 0
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length; ) {
      if (filled === 0 && chunk.length - at >= pieceBytes) {
        yield chunk.subarray(at, at + pieceBytes)
        at += pieceBytes
        continue
      }
      const part = chunk.subarray(at, at + pieceBytes - filled)
      piece.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < pieceBytes) continue
      yield piece
      piece = new Uint8Array(pieceBytes)
      filled = 0
    }
  }
  if (filled > 0) yield piece.subarray(0, filled)
}

export const createContentServer = (init: ContentServerInit): ContentServer => {
  const { clock, collections, takeUpload } = init
  const streams = new Map<FrameStream, Promise<void>>()
  let running = false

  /** Sends one frame to a reader that must keep up. */
  const send = (stream: FrameStream, frame: Uint8Array): Promise<void> =>
    watch(
      { clock, limitMs: SERVE_STALL_MS, giveUp: (why) => stream.abort(why) },
      `content for ${stream.peer}`,
      () => stream.send(frame),
    )

  const sendContent = async (
    stream: FrameStream,
    held: HeldContent,
    start: number,
  ): Promise<void> => {
    const { signal } = stream
    for await (const piece of reframe(held.stream({ start, signal }), CONTENT_FRAME_BYTES)) {
      const waitMs = takeUpload?.(stream.peer, piece.length) ?? 0
      if (waitMs > 0) await sleep(clock, waitMs, signal)
      await send(stream, piece)
    }
  }

  const answer = async (stream: FrameStream): Promise<void> => {
    const frame = await stream.receive({ timeoutMs: HOLDER_ANSWER_TIMEOUT_MS })
    if (frame === undefined) return
    const { collection, name, digest, offset } = decodeRequest(frame)
    const reply = (message: ContentAnswer): Promise<void> => send(stream, encodeAnswer(message))
    if (streams.size > MAX_SERVED_STREAMS) return reply({ type: 'busy' })
    const held = await collections.get(collection)?.open(name, digest, stream.signal)
    if (held === undefined) return reply({ type: 'missing' })
    if (offset > held.sizeBytes) throw malformed(`content from ${offset} on of ${held.sizeBytes}`)
    await reply({ type: 'found', sizeBytes: held.sizeBytes })
    await sendContent(stream, held, offset)
  }

  return {
    start() {
      running = true
    },
    async serve(stream) {
      if (!running) throw new MeshError('ERR_ABORTED', 'sync is not running')
      const promise = answer(stream)
      streams.set(stream, promise)
      try {
        await promise
        await stream.close()
      } finally {
        streams.delete(stream)
      }
    },
    async stop() {
      running = false
      const reason = new MeshError('ERR_ABORTED', 'sync stops')
      for (const stream of streams.keys()) stream.abort(reason)
      await Promise.allSettled(streams.values())
    },
  }
}
