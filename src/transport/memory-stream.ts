import { MeshError, toMeshError } from '../errors/index.ts'
import { concatBytes } from '../util/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Cancel, Clock } from '../util/index.ts'
import type { FrameStream, ProtocolInit } from './types.ts'

/** What a frame counts beside its bytes, so that a flood of empty ones is stopped as well. */
const FRAME_COST_BYTES = 32

/** Runs things in the order they were posted, each after the delay of the link. */
export type Lane = (run: () => void) => void

/** @param delayMs Asked once for each thing posted; a longer delay holds up what comes after it. */
export const createLane = (clock: Clock, delayMs: () => number): Lane => {
  const queue: (() => void)[] = []
  let lastDueMs = 0
  return (run) => {
    const nowMs = clock.monotonicMs()
    lastDueMs = Math.max(lastDueMs, nowMs + delayMs())
    if (queue.length === 0 && lastDueMs <= nowMs) return run()
    queue.push(run)
    clock.schedule(lastDueMs - nowMs, () => queue.shift()?.())
  }
}

/** One end of a stream in memory, with what its other end calls. */
export interface MemoryStream extends FrameStream {
  /** Both ends are joined before either is used. */
  join(other: MemoryStream): void
  arrive(frame: Uint8Array): void
  arriveEnd(): void
  arriveReset(): void
  acknowledge(sizeBytes: number): void
}

interface Init {
  readonly peer: PeerId
  readonly protocol: string
  readonly limits: ProtocolInit
  readonly clock: Clock
  /** From this end to the other. */
  readonly lane: Lane
  /** Bytes sent and not yet received by the other end's reader above which `send` waits. */
  readonly windowBytes: number
  /** Sees each frame sent; answers whether the link breaks the stream with it. */
  readonly sent: (frame: Uint8Array) => boolean
}

type Waiter<T> = { resolve(value: T): void; reject(error: MeshError): void }

export const createMemoryStream = (init: Init): MemoryStream => {
  const { peer, protocol, limits, clock, lane, windowBytes } = init
  const controller = new AbortController()
  const inbox: (Uint8Array | MeshError)[] = []
  const senders: Waiter<void>[] = []
  let reader: Waiter<Uint8Array | undefined> | undefined
  let other: MemoryStream | undefined
  let outstandingBytes = 0
  let closed = false
  let otherClosed = false
  let failure: MeshError | undefined

  const gone = (cause?: unknown): MeshError =>
    new MeshError('ERR_STREAM_CLOSED', `the stream ${protocol} with ${peer} has ended`, { cause })

  const fail = (reason: MeshError): boolean => {
    if (failure !== undefined || (closed && otherClosed && inbox.length === 0)) return false
    failure = reason
    inbox.length = 0
    reader?.reject(reason)
    for (const sender of senders.splice(0)) sender.reject(reason)
    controller.abort(reason)
    return true
  }

  /** Takes the next thing out of the inbox, or `pending` if there is none yet. */
  const take = (): Uint8Array | undefined | 'pending' => {
    if (failure !== undefined) throw failure
    const next = inbox.shift()
    if (next instanceof MeshError) {
      stream.abort(next)
      throw next
    }
    if (next === undefined) return otherClosed ? undefined : 'pending'
    lane(() => other?.acknowledge(next.length + FRAME_COST_BYTES))
    return next
  }

  const wake = (): void => {
    const waiting = reader
    if (waiting === undefined) return
    // At once, or a second frame of the same moment would go to the same reader and be lost.
    reader = undefined
    try {
      const next = take()
      if (next === 'pending') reader = waiting
      else waiting.resolve(next)
    } catch (error) {
      waiting.reject(toMeshError(error))
    }
  }

  const finish = (): void => {
    if (!closed || !otherClosed) return
    for (const sender of senders.splice(0)) sender.reject(gone())
    controller.abort(gone())
  }

  const stream: MemoryStream = {
    peer,
    protocol,
    signal: controller.signal,

    async send(frame, rest) {
      if (failure !== undefined) throw failure
      if (closed) throw gone()
      // Copied, as a socket would: the caller may use its buffer again.
      const copy = concatBytes(frame, rest ?? new Uint8Array())
      if (copy.length > limits.maxFrameBytes) {
        throw new MeshError(
          'ERR_LIMIT_EXCEEDED',
          `a frame of ${copy.length} bytes on ${protocol}, at most ${limits.maxFrameBytes} may be`,
        )
      }
      outstandingBytes += copy.length + FRAME_COST_BYTES
      if (init.sent(copy)) {
        stream.abort(gone(new Error('the link lost the stream')))
        throw gone()
      }
      lane(() => other?.arrive(copy))
      if (outstandingBytes < windowBytes) return
      await new Promise<void>((resolve, reject) => senders.push({ resolve, reject }))
    },

    async receive(options = {}) {
      if (reader !== undefined) {
        throw new MeshError('ERR_INTERNAL', `two readers on one stream of ${protocol}`)
      }
      const ready = take()
      if (ready !== 'pending') return ready
      let cancel: Cancel | undefined
      try {
        return await new Promise<Uint8Array | undefined>((resolve, reject) => {
          reader = { resolve, reject }
          const { timeoutMs } = options
          if (timeoutMs === undefined) return
          cancel = clock.schedule(timeoutMs, () => {
            const message = `nothing on ${protocol} from ${peer} within ${timeoutMs} ms`
            reject(new MeshError('ERR_TIMEOUT', message))
          })
        })
      } finally {
        reader = undefined
        cancel?.()
      }
    },

    async close() {
      if (closed || failure !== undefined) return
      closed = true
      lane(() => other?.arriveEnd())
      finish()
    },

    abort(reason) {
      if (fail(gone(reason))) lane(() => other?.arriveReset())
    },

    join(end) {
      other = end
    },

    arrive(frame) {
      if (failure !== undefined) return
      const tooLong = frame.length > limits.maxFrameBytes
      const message = `${peer} sent a frame of ${frame.length} bytes on ${protocol}`
      inbox.push(tooLong ? new MeshError('ERR_LIMIT_EXCEEDED', message) : frame)
      wake()
    },

    arriveEnd() {
      otherClosed = true
      wake()
      finish()
    },

    arriveReset() {
      fail(gone(new Error('the peer aborted it')))
    },

    acknowledge(sizeBytes) {
      outstandingBytes -= sizeBytes
      if (outstandingBytes >= windowBytes) return
      for (const sender of senders.splice(0)) sender.resolve()
    },
  }
  return stream
}
