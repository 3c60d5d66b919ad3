import { MeshError } from '../../errors/index.ts'
import { MAX_FRAME_BYTES, ROUND_FRAME_TIMEOUT_MS } from '../limits.ts'
import { decodePushPull, encodePushPull } from './messages.ts'
import type { FrameStream, ProtocolInit } from '../../transport/index.ts'
import type { PushPullMessage } from './messages.ts'

export const PUSH_PULL_PROTOCOL = '/mesh/push-pull/1'
/** Two: one that is kept, and its successor while the end of the first has not been noticed. */
export const PUSH_PULL_INIT: ProtocolInit = {
  maxFrameBytes: MAX_FRAME_BYTES,
  maxStreamsPerPeer: 2,
}

type Type = PushPullMessage['type']
type Of<T extends Type> = Extract<PushPullMessage, { type: T }>

/** Push-pull messages over one stream, counted. */
export interface Channel {
  readonly stream: FrameStream
  /** Bytes of frames since the last `reset`, both ways. */
  readonly bytes: number
  /** Those of them that went out. */
  readonly sentBytes: number
  reset(): void
  send(message: PushPullMessage): Promise<void>
  /** `undefined`: the peer has ended its side. */
  receive(options?: { timeoutMs?: number }): Promise<PushPullMessage | undefined>
  /** The next message, which must be of one of these types and come in time. */
  expect<T extends Type>(...types: readonly T[]): Promise<Of<T>>
}

const isOf = <T extends Type>(message: PushPullMessage, types: readonly T[]): message is Of<T> =>
  types.some((type) => type === message.type)

export const createChannel = (stream: FrameStream): Channel => {
  let sentBytes = 0
  let receivedBytes = 0
  const receive: Channel['receive'] = async (options) => {
    const frame = await stream.receive(options)
    if (frame === undefined) return undefined
    receivedBytes += frame.length
    return decodePushPull(frame)
  }
  return {
    stream,
    get bytes() {
      return sentBytes + receivedBytes
    },
    get sentBytes() {
      return sentBytes
    },
    reset() {
      sentBytes = 0
      receivedBytes = 0
    },
    async send(message) {
      const frame = encodePushPull(message)
      sentBytes += frame.length
      await stream.send(frame)
    },
    receive,
    async expect(...types) {
      const message = await receive({ timeoutMs: ROUND_FRAME_TIMEOUT_MS })
      if (message === undefined) {
        throw new MeshError('ERR_STREAM_CLOSED', `${stream.peer} ended a round in the middle`)
      }
      if (isOf(message, types)) return message
      throw new MeshError(
        'ERR_PROTOCOL_MALFORMED',
        `${message.type} where ${types.join(' or ')} was expected`,
      )
    },
  }
}
