import { createHash } from 'node:crypto'
import { CHUNK_AVERAGE_BYTES, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES } from './limits.ts'

/** Normalisation: this many bits more before the average size, and as many less behind it. */
const NORMALISATION_BITS = 2
const AVERAGE_BITS = Math.log2(CHUNK_AVERAGE_BYTES)

/** The uppermost `bits` of 32: those that the most bytes before have a say in. */
const uppermost = (bits: number): number => -1 << (32 - bits)
const MASK_BEFORE_AVERAGE = uppermost(AVERAGE_BITS + NORMALISATION_BITS)
const MASK_BEHIND_AVERAGE = uppermost(AVERAGE_BITS - NORMALISATION_BITS)

/** A number for each byte value, from a hash, so that nobody has to believe in a table. */
const gear: Int32Array = Int32Array.from({ length: 256 }, (_, value) =>
  createHash('sha256').update(`mesh-chunk 1 gear ${value}`).digest().readInt32LE(0),
)

/** Finds where a stream of bytes is cut into chunks. */
export interface Cutter {
  /**
   * Looks at `bytes` from `at` on, which follow what was looked at before.
   *
   * @returns the index behind the end of the current chunk, where the next one begins; or -1: the
   *   chunk goes on behind these bytes.
   */
  next(bytes: Uint8Array, at: number): number
}

/**
 * Content-defined cuts with a gear hash and normalised sizes, as FastCDC (Xia and others, USENIX ATC
 * 2016): bytes up to the least size are skipped, and the hash is compared with a harder mask before
 * the average size and an easier one behind it. Of the hash of 32 bits the uppermost decide, so a cut
 * depends on the 32 bytes before it and on where the chunk began.
 */
export const createCutter = (): Cutter => {
  let length = 0
  let hash = 0
  const cut = (at: number): number => {
    length = 0
    hash = 0
    return at
  }
  return {
    next(bytes, from) {
      let at = from
      if (length < MIN_CHUNK_BYTES) {
        const skipped = Math.min(MIN_CHUNK_BYTES - length, bytes.length - at)
        at += skipped
        length += skipped
      }
      // Two loops of one shape, written out: a call or a choice in them halves the speed.
      let h = hash
      let end = Math.min(bytes.length, at + Math.max(0, CHUNK_AVERAGE_BYTES - length))
      length += end - at
      while (at < end) {
        h = ((h << 1) + (gear[bytes[at++] ?? 0] ?? 0)) | 0
        if ((h & MASK_BEFORE_AVERAGE) === 0) return cut(at)
      }
      end = Math.min(bytes.length, at + MAX_CHUNK_BYTES - length)
      length += end - at
      while (at < end) {
        h = ((h << 1) + (gear[bytes[at++] ?? 0] ?? 0)) | 0
        if ((h & MASK_BEHIND_AVERAGE) === 0) return cut(at)
      }
      if (length === MAX_CHUNK_BYTES) return cut(at)
      hash = h
      return -1
    },
  }
}
