import { isMeshError, MeshError, toMeshError } from '../errors/index.ts'
import { withDeadline } from './deadline.ts'
import { createFrameStream } from './frame-stream.ts'
import { STREAM_CLOSE_TIMEOUT_MS, STREAM_OPEN_TIMEOUT_MS } from './limits.ts'
import type { Stream, StreamHandler } from '@libp2p/interface'
import type { ErrorCode } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Logger } from '../observe/index.ts'
import type { Clock } from '../util/index.ts'
import type { Link, Members } from './members.ts'
import type { FrameStream, ProtocolHandler, ProtocolInit } from './types.ts'

/** A protocol that we answer. */
export interface Served {
  readonly init: ProtocolInit
  readonly handler: ProtocolHandler
}

/** libp2p's own limit, far above ours: ours are by peer, not by connection. */
export const MAX_STREAMS_OF_ONE_PROTOCOL = 1_024

/** What a handler may say that is the peer's fault. */
const FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_PROTOCOL_MALFORMED',
  'ERR_LIMIT_EXCEEDED',
  'ERR_SIGNATURE_INVALID',
  'ERR_PEER_MISBEHAVED',
])

export interface Streams {
  /** The libp2p handler for a protocol. */
  serve(served: Served): StreamHandler
  /** @throws MeshError `ERR_STREAM_CLOSED`, `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_PEER_UNREACHABLE` */
  open(
    link: Link,
    options: { protocol: string; limits: ProtocolInit; signal?: AbortSignal | undefined },
  ): Promise<FrameStream>
}

/** Streams of members, both ways. */
export const createStreams = (
  { clock, logger, members }: { clock: Clock; logger: Logger; members: Members },
  init: {
    blame(peer: PeerId, error: MeshError): void
    /** A handler has given up its stream. */
    onFailed(error: MeshError): void
  },
): Streams => {
  const track = (link: Link, stream: Stream, frames: FrameStream): void => {
    link.streams.add(frames)
    stream.addEventListener('close', () => link.streams.delete(frames))
  }

  /** Lets the peer end its side after ours; what it still sends is read and thrown away. */
  const finish = async (stream: Stream, frames: FrameStream): Promise<void> => {
    await frames.close()
    if (stream.status === 'closed') return
    const cancel = clock.schedule(STREAM_CLOSE_TIMEOUT_MS, () =>
      frames.abort(new MeshError('ERR_TIMEOUT', 'the peer did not end its side')),
    )
    stream.addEventListener('close', cancel)
    for (let more: unknown = true; more !== undefined; more = await frames.receive());
  }

  const giveUp = (frames: FrameStream, error: unknown): void => {
    const { peer, protocol } = frames
    const failure = toMeshError(error)
    frames.abort(failure)
    // A stream that just ended is no news.
    if (failure.code === 'ERR_STREAM_CLOSED') return
    init.onFailed(failure)
    // What no code names is a defect of ours, not of the peer's, and must not hide.
    const log = failure.code === 'ERR_INTERNAL' ? logger.error : logger.debug
    log({ peer, protocol, error: failure }, 'a stream was given up')
    if (FAULTS.has(failure.code)) init.blame(peer, failure)
  }

  const run = async (link: Link, stream: Stream, served: Served): Promise<void> => {
    const { peer } = link.session
    const { protocol } = stream
    const limits = served.init
    const frames = createFrameStream({ clock, stream }, { peer, protocol, limits })
    track(link, stream, frames)
    try {
      await served.handler(frames)
      await finish(stream, frames)
    } catch (error) {
      giveUp(frames, error)
    }
  }

  const refuse = (stream: Stream, peer: PeerId, max: number): void => {
    const { protocol } = stream
    const what = `${peer} has ${max} streams of ${protocol} open already`
    const error = new MeshError('ERR_LIMIT_EXCEEDED', what, { data: { peer, protocol } })
    init.onFailed(error)
    logger.debug({ peer, protocol, code: error.code }, error.message)
    stream.abort(error)
  }

  const explain = (error: unknown, link: Link, protocol: string): MeshError => {
    if (isMeshError(error)) return error
    const { peer } = link.session
    const data = { peer, protocol }
    if (link.connection.status !== 'open') {
      const what = `${peer} is not connected any more`
      return new MeshError('ERR_PEER_UNREACHABLE', what, { cause: error, data })
    }
    const unknown = error instanceof Error && error.name === 'UnsupportedProtocolError'
    const what = unknown
      ? `${peer} does not speak ${protocol}`
      : `${peer} did not open a stream of ${protocol}`
    return new MeshError('ERR_STREAM_CLOSED', what, { cause: error, data })
  }

  return {
    serve: (served) => (stream, connection) => {
      const link = members.linkOf(connection)
      if (link === undefined) return stream.abort(new Error('this connection is closing'))
      // Its end is past, and would give back no place.
      if (stream.status !== 'open') return
      const { peer } = link.session
      const max = served.init.maxStreamsPerPeer
      const release = members.takeStream(peer, stream.protocol, max)
      if (release === undefined) return refuse(stream, peer, max)
      stream.addEventListener('close', release)
      void run(link, stream, served)
    },

    async open(link, { protocol, limits, signal }) {
      const { peer } = link.session
      const deadline = {
        timeoutMs: STREAM_OPEN_TIMEOUT_MS,
        what: `${protocol} with ${peer}`,
        signal,
      }
      try {
        const stream = await withDeadline({ clock }, deadline, (signal) =>
          link.connection.newStream(protocol, {
            signal,
            maxOutboundStreams: MAX_STREAMS_OF_ONE_PROTOCOL,
          }),
        )
        const frames = createFrameStream({ clock, stream }, { peer, protocol, limits })
        // Whoever waited for the end of a stream that has ended already would wait for ever.
        if (frames.signal.aborted) throw frames.signal.reason
        track(link, stream, frames)
        return frames
      } catch (error) {
        if (signal?.aborted !== true) throw explain(error, link, protocol)
        throw new MeshError('ERR_ABORTED', `opening ${protocol} with ${peer} was cancelled`)
      }
    },
  }
}
