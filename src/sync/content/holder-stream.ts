import { MeshError } from '../../errors/index.ts'
import { HOLDER_ANSWER_TIMEOUT_MS, MIN_CONTENT_FRAME_BYTES } from '../limits.ts'
import { malformed } from '../wire.ts'
import { decodeAnswer, encodeRequest } from './messages.ts'
import { createRateGuard } from './rate.ts'
import { CONTENT_INIT, CONTENT_PROTOCOL } from './server.ts'
import type { PeerId } from '../../keys/index.ts'
import type { FrameStream, Transport } from '../../transport/index.ts'
import type { Clock } from '../../util/index.ts'
import type { Content, ContentRef } from '../collection.ts'

export interface HolderRequest {
  readonly peer: PeerId
  readonly collection: string
  readonly name: string
  readonly content: ContentRef
  readonly offset: number
  readonly signal: AbortSignal
  /** Whether another holder could go on from where this one is left. */
  readonly hasChoice: () => boolean
}

/** The peer answered, in good order, that it does not serve this now. */
export class NotServed extends Error {
  readonly reason: 'missing' | 'busy'
  constructor(reason: 'missing' | 'busy') {
    super(`the peer says that the content is ${reason}`)
    this.reason = reason
  }
}

interface Components {
  readonly transport: Transport
  readonly clock: Clock
}

const ask = async (stream: FrameStream, request: HolderRequest): Promise<void> => {
  const { collection, name, content, offset } = request
  await stream.send(encodeRequest({ collection, name, digest: content.digest, offset }))
  await stream.close()
  const frame = await stream.receive({ timeoutMs: HOLDER_ANSWER_TIMEOUT_MS })
  if (frame === undefined) throw new MeshError('ERR_STREAM_CLOSED', 'the holder did not answer')
  const answer = decodeAnswer(frame)
  if (answer.type !== 'found') throw new NotServed(answer.type)
  if (answer.sizeBytes === content.sizeBytes) return
  throw malformed(`${answer.sizeBytes} bytes of a content of ${content.sizeBytes}`)
}

async function* read(
  { clock }: Components,
  stream: FrameStream,
  { content, offset, hasChoice }: HolderRequest,
): Content {
  const guard = createRateGuard({ clock }, { hasChoice })
  for (let leftBytes = content.sizeBytes - offset; leftBytes > 0; ) {
    const frame = await stream.receive({ timeoutMs: guard.begin() })
    if (frame === undefined) throw new MeshError('ERR_STREAM_CLOSED', 'the content ended early')
    leftBytes -= frame.length
    if (leftBytes < 0) throw malformed('more content than there is')
    if (leftBytes > 0 && frame.length < MIN_CONTENT_FRAME_BYTES) {
      throw malformed(`a piece of ${frame.length} bytes in the middle of a content`)
    }
    guard.got(frame.length)
    yield frame
  }
}

/**
 * Content from one holder, from an offset to the end.
 *
 * @throws NotServed the holder does not have it, or is busy; MeshError `ERR_PROTOCOL_MALFORMED` for
 * what no honest holder does, `ERR_TIMEOUT` for one that stalls or trickles, `ERR_STREAM_CLOSED`
 */
export async function* readHolder(components: Components, request: HolderRequest): Content {
  const { peer, signal } = request
  const stream = await components.transport.open(peer, CONTENT_PROTOCOL, CONTENT_INIT, { signal })
  const onAbort = (): void => stream.abort(new MeshError('ERR_ABORTED', 'the fetch was cancelled'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) throw new MeshError('ERR_ABORTED', 'the fetch was cancelled')
    await ask(stream, request)
    yield* read(components, stream, request)
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Everything that was wanted has come, or nothing more is.
    stream.abort(new MeshError('ERR_STREAM_CLOSED', 'the fetch has ended'))
  }
}
