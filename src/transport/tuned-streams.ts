import { StreamState } from '@chainsafe/libp2p-yamux/stream'
import { MAX_HELD_FOR_A_BYTE } from './limits.ts'
import type { yamux } from '@chainsafe/libp2p-yamux'

type Muxer = ReturnType<ReturnType<ReturnType<typeof yamux>>['createStreamMuxer']>
type Stream = Muxer['streams'][number]
type Bytes = Parameters<Stream['onData']>[0]

/** Round trips are measured in whole ms: on a local network a window would never widen. */
const MIN_ROUND_TRIP_MS = 1

/** Whether half of what the peer may send has come. */
const isDue = (stream: Stream): boolean => {
  const window: unknown = Reflect.get(stream, 'recvWindow')
  const left: unknown = Reflect.get(stream, 'recvWindowCapacity')
  return typeof window !== 'number' || typeof left !== 'number' || 2 * left <= window
}

/**
 * Bytes in an array of their own if they are a small part of what they came in: a peer may send a few of them
 * in a message of 64 KiB, again and again, and all of those would be kept for as long as the few are waited on.
 */
export const withoutTheRest = (data: Bytes): Bytes => {
  const parts = data instanceof Uint8Array ? [data] : [...data]
  const held = new Set(parts.map(({ buffer }) => buffer))
  const heldBytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0)
  if (heldBytes <= MAX_HELD_FOR_A_BYTE * data.byteLength) return data
  const copy = new Uint8Array(data.byteLength)
  let at = 0
  for (const part of parts) {
    copy.set(part, at)
    at += part.length
  }
  return copy
}

const tunePieces = (stream: Stream): void => {
  const take = stream.onData.bind(stream)
  stream.onData = (data) => take(withoutTheRest(data))
}

const tuneWindow = (stream: Stream): void => {
  const send = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    // In any other state an update says something else as well: that the stream opens.
    if (stream.state !== StreamState.Established || isDue(stream)) send()
  }
}

const tune = (stream: Stream): void => {
  tuneWindow(stream)
  tunePieces(stream)
}

/**
 * Has a receiver say that it has room when half of it is used up, not after each frame: for each
 * frame, that is a message to be encrypted and written for every 64 KiB received. And has a stream keep what
 * was sent to it, not what that came with.
 */
export const tuneStreams = (muxer: Muxer): Muxer => {
  const roundTripMs = muxer.getRTT.bind(muxer)
  muxer.getRTT = () => Math.max(MIN_ROUND_TRIP_MS, roundTripMs())
  const accept = muxer.onRemoteStream.bind(muxer)
  muxer.onRemoteStream = (stream) => {
    tune(stream)
    accept(stream)
  }
  const create = muxer.createStream.bind(muxer)
  muxer.createStream = async (options) => {
    const stream = await create(options)
    tune(stream)
    return stream
  }
  return muxer
}
