import { PLACE_BYTES } from '../../util/index.ts'
import { createShortener } from './ranges.ts'
import type { Digest } from '../../util/index.ts'

/**
 * A record that the asking side keeps within a range out of which it asks for others: where it belongs
 * and how new it is. The other side leaves out, for now, what is older at the same place: it is about
 * to be given the newer one. A hint that only saves bytes: what was left out is asked for again at the
 * end, and by then it is gone, or it is kept for a reason.
 */
export interface Rival {
  /** 16 bits, salted, of the place that the id begins with. */
  readonly mark: number
  /** The item's rank, at most {@link GREATEST_RANK}. */
  readonly rank: number
}

/** Greater ranks pass for this one; what has it is never left out. */
export const GREATEST_RANK = 2 ** 32 - 1

const PLACE_DIGITS = 2 * PLACE_BYTES
const REST = '0'.repeat(64 - PLACE_DIGITS)

/** Marks places with the salt of one round. */
export const createMarker = (salt: Uint8Array): ((id: Digest) => number) => {
  const shorten = createShortener(salt)
  return (id) => shorten(`${id.slice(0, PLACE_DIGITS)}${REST}`) % 2 ** 16
}

export const rivalOf = (mark: number, rank: number): Rival => ({
  mark,
  rank: Math.min(rank, GREATEST_RANK),
})

/** Whether a rival of the same mark is newer than `rankOf` an id, which is read only if one may be. */
export const createOutdone = (
  rivals: readonly Rival[],
  markOf: (id: Digest) => number,
  rankOf: (id: Digest) => number | undefined,
): ((id: Digest) => boolean) => {
  if (rivals.length === 0) return () => false
  const newest = new Map<number, number>()
  for (const { mark, rank } of rivals) newest.set(mark, Math.max(rank, newest.get(mark) ?? 0))
  return (id) => {
    const rank = newest.get(markOf(id))
    return rank !== undefined && (rankOf(id) ?? rank) < rank
  }
}
