import { createHash, hash } from 'node:crypto'

/** SHA-256 as 64 lower-case hex digits. */
export type Digest = string & { readonly digest: unique symbol }

export const sha256 = (bytes: Uint8Array | string): Digest => hash('sha256', bytes, 'hex') as Digest

/** Bytes of an id that say what it is a version of. */
export const PLACE_BYTES = 8

/**
 * An id whose first bytes depend on `place` alone and the others on `what` alone, so that ids of one
 * place lie side by side in the order of ids. It commits to `what` with 24 bytes.
 */
export const placedId = (place: string, what: string): Digest =>
  `${sha256(place).slice(0, 2 * PLACE_BYTES)}${sha256(what).slice(2 * PLACE_BYTES)}` as Digest

/** A digest over bytes that come in pieces. */
export const createDigester = (): { update(bytes: Uint8Array): void; digest(): Digest } => {
  const state = createHash('sha256')
  return {
    update: (bytes) => void state.update(bytes),
    digest: () => state.digest('hex') as Digest,
  }
}

/** `text` as a digest, or `undefined` if it is not 64 lower-case hex digits. */
export const parseDigest = (text: string): Digest | undefined =>
  /^[0-9a-f]{64}$/.test(text) ? (text as Digest) : undefined

/** `bytes` (32 of them) as a digest. */
export const digestFromBytes = (bytes: Uint8Array): Digest => {
  if (bytes.length !== 32) throw new RangeError(`a digest has 32 bytes, not ${bytes.length}`)
  return Buffer.from(bytes).toString('hex') as Digest
}

export const digestToBytes = (digest: Digest): Uint8Array => Buffer.from(digest, 'hex')
