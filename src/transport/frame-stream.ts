import { MeshError } from '../errors/index.ts'
import { createFrameBuffer, FRAME_HEADER_BYTES } from './frame-buffer.ts'
import { SEND_STALL_TIMEOUT_MS, STREAM_HIGH_WATER_BYTES } from './limits.ts'
import type { Stream } from '@libp2p/interface'
import type { PeerId } from '../keys/index.ts'
import type { Clock } from '../util/index.ts'
import type { FrameStream, ProtocolInit } from './types.ts'

interface Init {
  readonly peer: PeerId
  readonly protocol: string
  readonly limits: ProtocolInit
}

interface Waiter<T> {
  resolve(value: T): void
  reject(error: unknown): void
}

/** Frames over one libp2p stream. */
export const createFrameStream = (
  { clock, stream }: { clock: Clock; stream: Stream },
  { peer, protocol, limits }: Init,
): FrameStream => {
  const controller = new AbortController()
  const buffer = createFrameBuffer(limits.maxFrameBytes)
  let reader: Waiter<Uint8Array | undefined> | undefined
  let senders: Waiter<void>[] = []
  /** The peer has said that it sends no more; anything else that ends a stream is a failure. */
  let ended = false
  let closed = false
  let failure: MeshError | undefined
  let resuming = false

  const gone = (why: string, cause?: unknown): MeshError =>
    new MeshError('ERR_STREAM_CLOSED', `${protocol} with ${peer}: ${why}`, {
      cause,
      data: { peer, protocol },
    })

  const fail = (error: MeshError): void => {
    if (failure !== undefined || controller.signal.aborted) return
    failure = error
    buffer.clear()
    offer()
    wakeSenders()
    controller.abort(error)
  }

  /** Both sides are done: the signal says so, and what is buffered can still be received. */
  const finish = (): void => {
    if (closed && ended) controller.abort(gone('it has ended'))
  }

  /** A reader that falls behind stops the sender; one that has caught up lets it go on. */
  const regulate = (): void => {
    if (failure !== undefined || resuming) return
    const full = buffer.sizeBytes >= STREAM_HIGH_WATER_BYTES && buffer.hasFrame()
    if (full) {
      if (stream.readStatus === 'readable') stream.pause()
    } else if (stream.readStatus === 'paused') {
      // Delivers what has piled up and then tells the peer to go on: a pause in between, from the
      // listener below, would be overruled by that, so it has to wait until here.
      resuming = true
      try {
        stream.resume()
      } catch {
        // What had piled up is here; there is nobody left to be told to go on.
      }
      resuming = false
      regulate()
    }
  }

  stream.addEventListener('message', ({ data }) => {
    if (failure !== undefined) return
    if (data instanceof Uint8Array) buffer.push(data)
    else for (const bytes of data) buffer.push(bytes)
    regulate()
    offer()
  })
  stream.addEventListener('drain', () => wakeSenders())
  stream.addEventListener('remoteCloseWrite', () => {
    ended = true
    offer()
    finish()
  })
  stream.addEventListener('close', ({ error }) => {
    if (error !== undefined || !ended || !closed) {
      fail(gone(error === undefined ? 'the connection was closed' : 'the stream was reset', error))
    }
  })

  const violation = (error: MeshError): MeshError => {
    fail(error)
    stream.abort(error)
    return error
  }

  /** `undefined`: the peer has ended. `'pending'`: nothing complete is here. */
  const take = (): Uint8Array | undefined | 'pending' => {
    if (failure !== undefined) throw failure
    if (!buffer.hasFrame()) {
      // What the stream holds back while it is paused was sent before the end.
      if (!ended || stream.readBufferLength > 0) return 'pending'
      if (buffer.isEmpty()) return undefined
      throw violation(
        new MeshError('ERR_PROTOCOL_MALFORMED', `${peer} ended ${protocol} in mid-frame`),
      )
    }
    try {
      return buffer.next()
    } catch (error) {
      throw error instanceof MeshError ? violation(error) : error
    }
  }

  /** Hands what is there to whoever waits for it: what comes next may be the end of it all. */
  const offer = (): void => {
    const waiting = reader
    if (waiting === undefined) return
    try {
      const next = take()
      if (next === 'pending') return
      reader = undefined
      waiting.resolve(next)
    } catch (error) {
      reader = undefined
      waiting.reject(error)
    }
  }

  const wakeSenders = (): void => {
    const waiting = senders
    senders = []
    for (const { resolve } of waiting) resolve()
  }

  const wait = async <T>(
    register: (waiter: Waiter<T>) => void,
    timeoutMs: number | undefined,
  ): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    register({ resolve, reject })
    if (timeoutMs === undefined) return promise
    const what = `${protocol} with ${peer}: nothing within ${timeoutMs} ms`
    const cancel = clock.schedule(timeoutMs, () =>
      reject(new MeshError('ERR_TIMEOUT', what, { data: { peer, protocol } })),
    )
    return promise.finally(cancel)
  }

  const sendNow = (bytes: Uint8Array): boolean => {
    try {
      return stream.send(bytes)
    } catch (error) {
      throw violation(gone('it does not take any more', error))
    }
  }

  // Opening a stream takes a moment in which the peer may have said all that it has to say.
  if (stream.status !== 'open') fail(gone('the stream was reset'))
  else ended = stream.remoteWriteStatus === 'closed'

  return {
    peer,
    protocol,
    signal: controller.signal,

    async send(frame, rest) {
      if (failure !== undefined) throw failure
      if (closed || stream.writeStatus !== 'writable') throw gone('our side has ended')
      const sizeBytes = frame.length + (rest?.length ?? 0)
      if (sizeBytes > limits.maxFrameBytes) {
        throw new MeshError(
          'ERR_LIMIT_EXCEEDED',
          `a frame of ${sizeBytes} bytes for ${protocol}, where at most ${limits.maxFrameBytes} are allowed`,
        )
      }
      // One buffer, so that a frame is one multiplexer frame; and the caller may reuse its own.
      const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + sizeBytes)
      bytes.writeUInt32LE(sizeBytes)
      bytes.set(frame, FRAME_HEADER_BYTES)
      if (rest !== undefined) bytes.set(rest, FRAME_HEADER_BYTES + frame.length)
      if (sendNow(bytes)) return
      while (stream.writableNeedsDrain && failure === undefined) {
        const drained = wait<void>((waiter) => senders.push(waiter), SEND_STALL_TIMEOUT_MS)
        await drained.catch((error) => {
          throw violation(error)
        })
      }
      if (failure !== undefined) throw failure
    },

    async receive({ timeoutMs } = {}) {
      if (reader !== undefined) {
        throw new MeshError('ERR_INTERNAL', `two readers on one stream of ${protocol}`)
      }
      let ready = take()
      regulate()
      // What was held back while the stream was paused may have made a frame complete just now.
      if (ready === 'pending') ready = take()
      if (ready !== 'pending') return ready
      try {
        return await wait<Uint8Array | undefined>((waiter) => {
          reader = waiter
        }, timeoutMs)
      } finally {
        reader = undefined
      }
    },

    async close() {
      if (closed || failure !== undefined) return
      closed = true
      try {
        await stream.close()
      } catch (error) {
        throw violation(gone('it could not be ended in good order', error))
      }
      finish()
    },

    abort(reason) {
      fail(gone('it was given up', reason))
      stream.abort(reason)
    },
  }
}
