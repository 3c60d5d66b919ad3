import { MIN_READER_BYTES_PER_SECOND, READER_STALL_MS, READER_WINDOW_MS } from './limits.ts'
import type { Socket } from 'node:net'
import type { Clock } from '../util/index.ts'

/** How connections on which something is being answered take what they asked for. */
export interface Readers {
  add(socket: Socket): void
  remove(socket: Socket): void
  /** Looks at them; to be called about once a second while it matters. */
  look(): void
  /** Who takes nothing at all, or next to nothing; the worst of them. */
  worst(): Socket | undefined
}

interface Reader {
  /** Bytes that the system has taken for the client. */
  takenBytes: number
  /** Since when they have not become more. */
  idleSinceMs: number
  windowStartMs: number
  windowStartBytes: number
  /** Of the last whole window. */
  bytesPerSecond: number
}

/** What was written and has left this process. */
const takenOf = (socket: Socket): number => socket.bytesWritten - socket.writableLength

export const createReaders = ({ clock }: { clock: Clock }): Readers => {
  const readers = new Map<Socket, Reader>()

  const lookAt = (socket: Socket, reader: Reader, nowMs: number): void => {
    const takenBytes = takenOf(socket)
    // Who has taken all there was is not slow; we, or the disk, may be.
    if (takenBytes !== reader.takenBytes || socket.writableLength === 0) {
      reader.takenBytes = takenBytes
      reader.idleSinceMs = nowMs
    }
    const windowMs = nowMs - reader.windowStartMs
    if (windowMs < READER_WINDOW_MS) return
    const isWaited = socket.writableLength > 0
    const bytes = takenBytes - reader.windowStartBytes
    reader.bytesPerSecond = isWaited ? (bytes * 1_000) / windowMs : Number.POSITIVE_INFINITY
    reader.windowStartMs = nowMs
    reader.windowStartBytes = takenBytes
  }

  return {
    add(socket) {
      const nowMs = clock.monotonicMs()
      const takenBytes = takenOf(socket)
      readers.set(socket, {
        ...{ takenBytes, idleSinceMs: nowMs, windowStartMs: nowMs },
        ...{ windowStartBytes: takenBytes, bytesPerSecond: Number.POSITIVE_INFINITY },
      })
    },
    remove(socket) {
      readers.delete(socket)
    },
    look() {
      const nowMs = clock.monotonicMs()
      for (const [socket, reader] of readers) lookAt(socket, reader, nowMs)
    },
    worst() {
      const nowMs = clock.monotonicMs()
      let idlest: { socket: Socket; idleMs: number } | undefined
      let slowest: { socket: Socket; bytesPerSecond: number } | undefined
      for (const [socket, { idleSinceMs, bytesPerSecond }] of readers) {
        const idleMs = nowMs - idleSinceMs
        if (idleMs > (idlest?.idleMs ?? 0)) idlest = { socket, idleMs }
        if (bytesPerSecond < (slowest?.bytesPerSecond ?? MIN_READER_BYTES_PER_SECOND)) {
          slowest = { socket, bytesPerSecond }
        }
      }
      return idlest !== undefined && idlest.idleMs >= READER_STALL_MS
        ? idlest.socket
        : slowest?.socket
    },
  }
}
