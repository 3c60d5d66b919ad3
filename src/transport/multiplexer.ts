import { yamux } from '@chainsafe/libp2p-yamux'
import { MeshError, toMeshError } from '../errors/index.ts'
import { createTokenBucket } from '../util/index.ts'
import {
  MAX_CONNECTION_SEND_BUFFER_BYTES,
  MAX_CONTROL_FRAMES_PER_SECOND,
  MAX_MULTIPLEXER_FRAME_BYTES,
  MAX_NEW_STREAMS_PER_SECOND,
  MAX_OUTBOUND_STREAMS,
  MAX_SMALL_FRAMES_PER_SECOND,
  MAX_STREAM_SEND_BUFFER_BYTES,
  MAX_STREAM_WINDOW_BYTES,
  MAX_STREAMS_PER_CONNECTION,
  MAX_WINDOW_UPDATES_PER_SECOND,
  SMALL_FRAME_BYTES,
} from './limits.ts'
import { tuneStreams } from './tuned-streams.ts'
import type { MessageStream, StreamMuxerFactory } from '@libp2p/interface'
import type { Clock } from '../util/index.ts'
import type { Session } from './session.ts'

/** Yamux header: version, type, flags (2), stream id (4), length (4), all big-endian. */
const HEADER_BYTES = 12
const TYPE_DATA = 0
const TYPE_WINDOW_UPDATE = 1
const TYPE_PING = 2
const TYPE_GO_AWAY = 3
const VERSION = 0
const FLAG_SYN = 1
/** Yamux widens the window of a stream by the round trip that its own ping measures. */
const ROUND_TRIP_INTERVAL_MS = 5 * 60_000

export interface GuardedMultiplexerInit {
  /** Most bytes a second that one connection may send us. */
  readonly maxInboundBytesPerSecond: number
  sessionOf(secured: MessageStream): Session | undefined
  /** A peer broke a limit; its connection has been cut. */
  onBreach(session: Session, error: MeshError): void
}

type Data = Parameters<MessageStream['send']>[0]

/** What is wrong with a header, if anything. */
type Judge = (header: DataView) => MeshError | undefined

const tooMuch = (what: string): MeshError => new MeshError('ERR_LIMIT_EXCEEDED', what)

/** Judges headers, with the rates that one connection may have. */
export const createJudge = ({ clock }: { clock: Clock }): Judge => {
  const bucket = (perSecond: number, burst: number) =>
    createTokenBucket({ clock }, { perSecond, burst })
  const streams = bucket(MAX_NEW_STREAMS_PER_SECOND, 4 * MAX_NEW_STREAMS_PER_SECOND)
  const control = bucket(MAX_CONTROL_FRAMES_PER_SECOND, 4 * MAX_CONTROL_FRAMES_PER_SECOND)
  const small = bucket(MAX_SMALL_FRAMES_PER_SECOND, 10 * MAX_SMALL_FRAMES_PER_SECOND)
  const updates = bucket(MAX_WINDOW_UPDATES_PER_SECOND, 10 * MAX_WINDOW_UPDATES_PER_SECOND)
  return (header) => {
    const type = header.getUint8(1)
    const lengthBytes = header.getUint32(8)
    if (header.getUint8(0) !== VERSION || type > TYPE_GO_AWAY) {
      return new MeshError('ERR_PROTOCOL_MALFORMED', 'it sends what is no frame of the multiplexer')
    }
    if ((header.getUint16(2) & FLAG_SYN) !== 0 && type !== TYPE_PING && !streams.tryTake(1)) {
      return tooMuch('it opens streams too fast')
    }
    if (type === TYPE_PING && !control.tryTake(1)) return tooMuch('it floods us with pings')
    if (type === TYPE_WINDOW_UPDATE && !updates.tryTake(1)) {
      return tooMuch('it floods us with window updates')
    }
    if (type !== TYPE_DATA) return undefined
    if (lengthBytes > MAX_MULTIPLEXER_FRAME_BYTES)
      return tooMuch(`it announces ${lengthBytes} bytes in one frame`)
    if (lengthBytes < SMALL_FRAME_BYTES && !small.tryTake(1))
      return tooMuch('it floods us with tiny frames')
    return undefined
  }
}

/** Follows the frames in a stream of bytes, wherever it is cut, and judges each header. */
export const createFollower = (judge: Judge): ((bytes: Uint8Array) => MeshError | undefined) => {
  const header = new Uint8Array(HEADER_BYTES)
  const view = new DataView(header.buffer)
  let filled = 0
  let skip = 0
  return (bytes) => {
    let at = 0
    while (at < bytes.length) {
      const step = Math.min(skip > 0 ? skip : HEADER_BYTES - filled, bytes.length - at)
      if (skip > 0) skip -= step
      else {
        header.set(bytes.subarray(at, at + step), filled)
        filled += step
      }
      at += step
      if (filled < HEADER_BYTES) continue
      filled = 0
      const breach = judge(view)
      if (breach !== undefined) return breach
      if (view.getUint8(1) === TYPE_DATA) skip = view.getUint32(8)
    }
    return undefined
  }
}

/** Stops reading from a connection for a while, whoever delivers what it had buffered. */
const createBrake = ({ clock }: { clock: Clock }, connection: MessageStream) => {
  let dueMs = 0
  let held = false
  let resuming = false
  const hold = (): void => {
    const leftMs = dueMs - clock.monotonicMs()
    if (leftMs <= 0 || connection.status !== 'open') return
    held = true
    connection.pause()
    clock.schedule(leftMs, release)
  }
  const release = (): void => {
    held = false
    if (connection.status !== 'open') return
    resuming = true
    try {
      // Delivers what is buffered first: a pause from in there would be undone by its own end.
      connection.resume()
      resuming = false
      hold()
    } catch (error) {
      connection.abort(toMeshError(error))
    }
  }
  return (delayMs: number): void => {
    if (delayMs <= 0) return
    dueMs = clock.monotonicMs() + delayMs
    if (!held && !resuming) hold()
  }
}

const guard = (
  { clock }: { clock: Clock },
  init: GuardedMultiplexerInit,
  { connection, session }: { connection: MessageStream; session: Session },
): void => {
  const perSecond = init.maxInboundBytesPerSecond
  const bytesAllowed = createTokenBucket({ clock }, { perSecond })
  const follow = createFollower(createJudge({ clock }))
  const brake = createBrake({ clock }, connection)

  const judge = (data: Data): MeshError | undefined => {
    if (connection.writeBufferLength > MAX_CONNECTION_SEND_BUFFER_BYTES) {
      return tooMuch('it makes us answer and does not read the answers')
    }
    for (const bytes of data instanceof Uint8Array ? [data] : data) {
      const breach = follow(bytes)
      if (breach !== undefined) return breach
    }
    return undefined
  }

  const receive = (data: Data): MeshError | undefined => {
    session.heardMs = clock.monotonicMs()
    try {
      const breach = judge(data)
      if (breach === undefined) brake(bytesAllowed.take(data.byteLength))
      return breach
    } catch (error) {
      // Nobody catches what a listener throws: it would be the end of the process.
      return toMeshError(error)
    }
  }

  connection.addEventListener('message', (event) => {
    const breach = receive(event.data)
    if (breach === undefined) return
    event.stopImmediatePropagation()
    connection.abort(breach)
    if (breach.code !== 'ERR_INTERNAL') init.onBreach(session, breach)
  })
}

/**
 * Yamux, with the limits that it lacks: the length of a frame (it would buffer 4 GiB), the rate of
 * streams, pings, tiny frames and bytes, and what waits to be written.
 */
export const guardedMultiplexer =
  (components: { clock: Clock }, init: GuardedMultiplexerInit): (() => StreamMuxerFactory) =>
  () => {
    const inner = yamux({
      keepAliveInterval: ROUND_TRIP_INTERVAL_MS,
      maxInboundStreams: MAX_STREAMS_PER_CONNECTION,
      maxOutboundStreams: MAX_OUTBOUND_STREAMS,
      streamOptions: {
        maxStreamWindowSize: MAX_STREAM_WINDOW_BYTES,
        // A paused stream receives up to its whole window: less room than that would abort it.
        maxReadBufferLength: 2 * MAX_STREAM_WINDOW_BYTES,
        maxWriteBufferLength: MAX_STREAM_SEND_BUFFER_BYTES,
      },
    })()
    return {
      protocol: inner.protocol,
      createStreamMuxer(connection) {
        const session = init.sessionOf(connection)
        if (session === undefined) {
          throw new MeshError('ERR_INTERNAL', 'a connection reached the multiplexer unadmitted')
        }
        // Added first, so that it sees (and can stop) everything before the multiplexer does.
        guard(components, init, { connection, session })
        return tuneStreams(inner.createStreamMuxer(connection))
      },
    }
  }
