/** The protocol `/mesh/blocks/1` at the holder: its readers, and what reaches all of them. */
import { MeshError } from '../../errors/index.ts'
import { createTokenBuckets } from '../../util/index.ts'
import { MAX_BLOCK_FRAME_BYTES, MAX_BLOCK_STREAMS_PER_PEER, MAX_SENDING_BLOCKS } from '../limits.ts'
import { MAX_RATED_PEERS, OPENED_BLOCKS_BURST, OPENED_BLOCKS_PER_SECOND } from '../limits.ts'
import { decodeBlockRequest } from './messages.ts'
import { Reader } from './reader.ts'
import { createSlots } from './slots.ts'
import { keyOfContent } from './source.ts'
import { createSpread } from './spread.ts'
import type { PeerId } from '../../keys/index.ts'
import type { FrameStream, ProtocolInit } from '../../transport/index.ts'
import type { Serving } from '../types.ts'
import type { ReaderInit } from './reader.ts'
import type { ContentName } from './source.ts'

export const BLOCKS_PROTOCOL = '/mesh/blocks/1'
export const BLOCKS_INIT: ProtocolInit = {
  maxFrameBytes: MAX_BLOCK_FRAME_BYTES,
  maxStreamsPerPeer: MAX_BLOCK_STREAMS_PER_PEER,
}

/** Gives blocks to the members that ask for them by a name that this node serves. */
export interface BlockServer {
  start(): void
  serve(stream: FrameStream): Promise<void>
  stop(): Promise<void>
  /** Something about this name has changed: what is open of it is looked at again. */
  refresh(collection: string, name: string): void
  /** Blocks of a content that is being fetched have come. */
  gained(content: ContentName): void
  sending(): readonly Serving[]
}

export type BlockServerInit = Omit<ReaderInit, 'slots' | 'spread' | 'opensOf'>

export const createBlockServer = (init: BlockServerInit): BlockServer => {
  const opensOf = createTokenBuckets<PeerId>(init, {
    ...{ perSecond: OPENED_BLOCKS_PER_SECOND, burst: OPENED_BLOCKS_BURST },
    maxKeys: MAX_RATED_PEERS,
  })
  const slots = createSlots(MAX_SENDING_BLOCKS)
  const components = { ...init, opensOf, slots, spread: createSpread() }
  const readers = new Map<Reader, Promise<void>>()
  let running = false

  const read = async (reader: Reader): Promise<void> => {
    const { stream } = reader
    for (;;) {
      const frame = await stream.receive()
      if (frame === undefined) return
      await reader.handle(decodeBlockRequest(frame))
    }
  }

  return {
    start() {
      running = true
    },
    async serve(stream) {
      if (!running) throw new MeshError('ERR_ABORTED', 'sync is not running')
      const reader = new Reader(components, stream)
      const promise = read(reader)
      readers.set(reader, promise)
      try {
        await promise
        await stream.close()
      } finally {
        readers.delete(reader)
        reader.end()
      }
    },
    async stop() {
      running = false
      const reason = new MeshError('ERR_ABORTED', 'sync stops')
      for (const { stream } of readers.keys()) stream.abort(reason)
      await Promise.allSettled(readers.values())
    },
    refresh(collection, name) {
      for (const reader of readers.keys()) {
        for (const opened of reader.opened.values()) {
          const { content } = opened
          if (content.collection !== collection || content.name !== name) continue
          reader.resolve(opened).catch((error: unknown) => {
            init.logger.debug({ name, error }, 'a content could not be looked at again')
          })
        }
      }
    },
    gained(content) {
      const key = keyOfContent(content)
      for (const reader of readers.keys()) {
        for (const opened of reader.opened.values()) if (opened.key === key) reader.gained()
      }
    },
    sending: () =>
      [...readers.keys()]
        .flatMap(({ stream: { peer }, opened }) =>
          [...opened.values()].map(({ content, startedAtMs, meter }) => ({
            ...{ collection: content.collection, name: content.name, digest: content.digest },
            ...{ peer, startedAtMs, bytes: meter.bytes, bytesPerSecond: meter.bytesPerSecond() },
          })),
        )
        .sort((a, b) => (`${a.peer} ${a.name}` < `${b.peer} ${b.name}` ? -1 : 1)),
  }
}
