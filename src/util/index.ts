/**
 * Util: bytes, digests, quantities, time and randomness.
 *
 * Promises: small pure helpers with no state and no I/O, and the two components that make the rest
 * deterministic in a simulation: {@link Clock} and {@link Random}. Parsers accept exactly one
 * canonical spelling and answer `undefined` for anything else, so that each caller can name its own
 * error.
 *
 * @packageDocumentation
 */
export {
  base58,
  compareBytes,
  concatBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
} from './bytes.ts'
export { toBase64, toHex, utf8 } from './bytes.ts'
export { createBufferPool } from './buffer-pool.ts'
export type { BufferPool } from './buffer-pool.ts'
export { systemClock } from './clock.ts'
export type { Cancel, Clock } from './clock.ts'
export { ByteReader, ByteWriter } from './codec.ts'
export { compareText } from './compare.ts'
export { createDigester, digestFromBytes, digestToBytes, parseDigest } from './digest.ts'
export { PLACE_BYTES, placedId, sha256 } from './digest.ts'
export type { Digest } from './digest.ts'
export { createDigestThreads, MIN_THREAD_DIGEST_BYTES } from './digest-threads.ts'
export type { DigestThreads, ParallelDigester } from './digest-threads.ts'
export { createKeyedLock } from './keyed-lock.ts'
export type { KeyedLock } from './keyed-lock.ts'
export { formatDuration, formatSize, parseDuration, parseSize } from './quantity.ts'
export { forEachParallel } from './parallel.ts'
export { nearest } from './nearest.ts'
export { systemRandom } from './random.ts'
export type { Random } from './random.ts'
export { createTokenBucket, createTokenBuckets } from './token-bucket.ts'
export type { TokenBucket } from './token-bucket.ts'
export { formatTimestamp, parseTimestamp } from './timestamp.ts'
export type { Timestamp } from './timestamp.ts'
