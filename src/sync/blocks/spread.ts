import { MIN_SPREAD_BLOCKS } from '../limits.ts'
import type { FrameStream } from '../../transport/index.ts'

/**
 * Which blocks of a content are being given to whom. While several fetch it at the same time, each
 * block is given to one of them and the others are sent there: so one holder sends little more than
 * one copy, however many there are.
 */
export interface Spread {
  /** Whether the block may be given to this reader; if so, it is the reader's. */
  assign(key: string, count: number, index: number, reader: FrameStream): boolean
  /** The reader has the content, or wants it no more: others need not wait for it. */
  leave(key: string, reader: FrameStream): void
  /** The block did not get there. */
  withdraw(key: string, index: number, reader: FrameStream): void
}

export const createSpread = (): Spread => {
  const contents = new Map<string, Map<number, FrameStream>>()
  return {
    assign(key, count, index, reader) {
      if (count < MIN_SPREAD_BLOCKS) return true
      const assigned = contents.get(key) ?? new Map<number, FrameStream>()
      contents.set(key, assigned)
      const other = assigned.get(index)
      if (other !== undefined && other.peer !== reader.peer) return false
      assigned.set(index, reader)
      return true
    },
    leave(key, reader) {
      const assigned = contents.get(key)
      if (assigned === undefined) return
      for (const [index, each] of assigned) if (each === reader) assigned.delete(index)
      if (assigned.size === 0) contents.delete(key)
    },
    withdraw(key, index, reader) {
      if (contents.get(key)?.get(index) === reader) contents.get(key)?.delete(index)
    },
  }
}
