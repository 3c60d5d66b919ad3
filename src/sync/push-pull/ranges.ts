import { hash } from 'node:crypto'
import type { IdTree } from '../../tree/index.ts'
import type { Digest } from '../../util/index.ts'

/** Bytes of a short id and of a fingerprint. */
export const SHORT_BYTES = 5
export const SALT_BYTES = 16

/**
 * The first 40 bits of SHA-256 over a salt and an id or a hash. The salt is new in each round, so
 * that nobody can make two ids that are taken for each other; that it happens by chance, once in
 * 10^12 comparisons, leaves the roots different, and the next round finds it with another salt.
 */
export type Short = number

/** What one node has below one prefix, as it is told to another. */
export type Part =
  /** Few ids: all of them, in their order. */
  | { readonly kind: 'list'; readonly shorts: readonly Short[] }
  /** Many: fingerprints of the sixteen parts; `null` for one without ids. */
  | { readonly kind: 'split'; readonly parts: readonly (Short | null)[] }

/** Turns digests, 64 hex digits, into short ones with the salt of one round. */
export const createShortener = (salt: Uint8Array): ((hex: string) => Short) => {
  const buffer = Buffer.alloc(salt.length + 32)
  buffer.set(salt)
  return (hex) => {
    buffer.write(hex, salt.length, 'hex')
    return hash('sha256', buffer, 'buffer').readUIntBE(0, SHORT_BYTES)
  }
}

/** Below one prefix; with at most `maxListIds` ids, those. */
export const describePart = (
  tree: IdTree,
  prefix: string,
  { shorten, maxListIds }: { shorten: (digest: Digest) => Short; maxListIds: number },
): Part => {
  const { count } = tree.summary(prefix)
  if (count <= maxListIds) return { kind: 'list', shorts: tree.ids(prefix).map(shorten) }
  const parts = tree.children(prefix).map((part) => (part.count === 0 ? null : shorten(part.hash)))
  return { kind: 'split', parts }
}
