import type { Digest } from '../util/index.ts'
import type { Lease } from './types.ts'

/** Counts who needs a block now. */
export interface Leases {
  take(digests: Iterable<Digest>): Lease
  has(digest: Digest): boolean
}

export const createLeases = (): Leases => {
  const counts = new Map<Digest, number>()
  return {
    take(digests) {
      let held: Digest[] = [...digests]
      for (const digest of held) counts.set(digest, (counts.get(digest) ?? 0) + 1)
      return {
        release() {
          for (const digest of held) {
            const left = (counts.get(digest) ?? 0) - 1
            if (left > 0) counts.set(digest, left)
            else counts.delete(digest)
          }
          held = []
        },
      }
    },
    has: (digest) => counts.has(digest),
  }
}
