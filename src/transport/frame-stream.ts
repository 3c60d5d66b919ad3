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

interface Waiter {
  wake(): void
}

/** Frames over one libp2p stream. */
export const createFrameStream = (
  { clock, stream }: { clock: Clock; stream: Stream },
  { peer, protocol, limits }: Init,
): FrameStream => {
  const controller = new AbortController()
  const buffer = createFrameBuffer(limits.maxFrameBytes)
  let reader: Waiter | undefined
  const senders = new Set<Waiter>()
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

  const wakeAll = (): void => {
    reader?.wake()
    for (const sender of senders) sender.wake()
  }

  const fail = (error: MeshError): void => {
    if (failure !== undefined || controller.signal.aborted) return
    failure = error
    buffer.clear()
    wakeAll()
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
      stream.resume()
      resuming = false
      regulate()
    }
  }

  stream.addEventListener('message', ({ data }) => {
    if (failure !== undefined) return
    if (data instanceof Uint8Array) buffer.push(data)
    else for (const bytes of data) buffer.push(bytes)
    regulate()
    if (buffer.hasFrame()) reader?.wake()
  })
  stream.addEventListener('drain', () => {
    for (const sender of senders) sender.wake()
  })
  stream.addEventListener('remoteCloseWrite', () => {
    ended = true
    reader?.wake()
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

  /** Resolves when something has happened; rejects after `timeoutMs`. */
  const wait = (register: (waiter: Waiter) => () => void, timeoutMs?: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const forget = register({ wake: () => settle(resolve) })
      const cancel =
        timeoutMs === undefined
          ? undefined
          : clock.schedule(timeoutMs, () => {
              const message = `${protocol} with ${peer}: nothing within ${timeoutMs} ms`
              settle(() =>
                reject(new MeshError('ERR_TIMEOUT', message, { data: { peer, protocol } })),
              )
            })
      const settle = (then: () => void): void => {
        forget()
        cancel?.()
        then()
      }
    })

  const asReader = (waiter: Waiter): (() => void) => {
    reader = waiter
    return () => {
      reader = undefined
    }
  }

  const asSender = (waiter: Waiter): (() => void) => {
    senders.add(waiter)
    return () => senders.delete(waiter)
  }

  const sendNow = (bytes: Uint8Array): boolean => {
    try {
      return stream.send(bytes)
    } catch (error) {
      throw violation(gone('it does not take any more', error))
    }
  }

  const result: FrameStream = {
    peer,
    protocol,
    signal: controller.signal,

    async send(frame) {
      if (failure !== undefined) throw failure
      if (closed || stream.writeStatus !== 'writable') throw gone('our side has ended')
      if (frame.length > limits.maxFrameBytes) {
        throw new MeshError(
          'ERR_LIMIT_EXCEEDED',
          `a frame of ${frame.length} bytes for ${protocol}, where at most ${limits.maxFrameBytes} are allowed`,
        )
      }
      // One buffer, so that a frame is one multiplexer frame; and the caller may reuse its own.
      const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + frame.length)
      bytes.writeUInt32LE(frame.length)
      bytes.set(frame, FRAME_HEADER_BYTES)
      if (sendNow(bytes)) return
      while (stream.writableNeedsDrain && failure === undefined) {
        await wait(asSender, SEND_STALL_TIMEOUT_MS).catch((error: MeshError) => {
          throw violation(error)
        })
      }
      if (failure !== undefined) throw failure
    },

    async receive({ timeoutMs } = {}) {
      if (reader !== undefined) {
        throw new MeshError('ERR_INTERNAL', `two readers on one stream of ${protocol}`)
      }
      const startedMs = clock.monotonicMs()
      for (;;) {
        const next = take()
        regulate()
        if (next !== 'pending') return next
        const usedMs = clock.monotonicMs() - startedMs
        await wait(asReader, timeoutMs === undefined ? undefined : Math.max(0, timeoutMs - usedMs))
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
  return result
}
