import { StreamState } from '@chainsafe/libp2p-yamux/stream'
import type { yamux } from '@chainsafe/libp2p-yamux'

type Muxer = ReturnType<ReturnType<ReturnType<typeof yamux>>['createStreamMuxer']>
type Stream = Muxer['streams'][number]

/** Round trips are measured in whole ms: on a local network a window would never widen. */
const MIN_ROUND_TRIP_MS = 1

/** Whether half of what the peer may send has come. */
const isDue = (stream: Stream): boolean => {
  const window: unknown = Reflect.get(stream, 'recvWindow')
  const left: unknown = Reflect.get(stream, 'recvWindowCapacity')
  return typeof window !== 'number' || typeof left !== 'number' || 2 * left <= window
}

const tune = (stream: Stream): void => {
  const send = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    // In any other state an update says something else as well: that the stream opens.
    if (stream.state !== StreamState.Established || isDue(stream)) send()
  }
}

/**
 * Has a receiver say that it has room when half of it is used up, not after each frame: for each
 * frame, that is a message to be encrypted and written for every 64 KiB received.
 */
export const tuneWindows = (muxer: Muxer): Muxer => {
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
