import type { Clock } from './clock.ts'

/** Allows `perSecond` on average and `burst` at once. */
export interface TokenBucket {
  /** Takes `count`, into debt if need be; ms until the debt is paid off, 0 if there is none. */
  take(count: number): number
  /** Takes `count` if they are there; `false`, and nothing taken, if not. */
  tryTake(count: number): boolean
  /** Gives `count` back that was taken, and not used. */
  give(count: number): void
}

/** How much a {@link TokenBucket} allows; `burst` is `perSecond` unless told. */
export interface TokenBucketInit {
  readonly perSecond: number
  readonly burst?: number
}

export const createTokenBucket = (
  { clock }: { clock: Pick<Clock, 'monotonicMs'> },
  { perSecond, burst = perSecond }: TokenBucketInit,
): TokenBucket => {
  let tokens = burst
  let filledMs = clock.monotonicMs()
  const fill = (): void => {
    const nowMs = clock.monotonicMs()
    tokens = Math.min(burst, tokens + ((nowMs - filledMs) * perSecond) / 1_000)
    filledMs = nowMs
  }
  return {
    take(count) {
      fill()
      tokens -= count
      return tokens >= 0 ? 0 : Math.ceil((-tokens * 1_000) / perSecond)
    },
    tryTake(count) {
      fill()
      if (tokens < count) return false
      tokens -= count
      return true
    },
    give(count) {
      tokens = Math.min(burst, tokens + count)
    },
  }
}

/**
 * A bucket for each of `maxKeys` keys, such as a peer, kept beyond its disconnection: it would have
 * a fresh burst with each connection otherwise. The one used longest ago is forgotten first; it has
 * filled up again the most.
 */
export const createTokenBuckets = <Key>(
  components: { clock: Pick<Clock, 'monotonicMs'> },
  { maxKeys, ...init }: TokenBucketInit & { readonly maxKeys: number },
): ((key: Key) => TokenBucket) => {
  const buckets = new Map<Key, TokenBucket>()
  return (key) => {
    const bucket = buckets.get(key) ?? createTokenBucket(components, init)
    buckets.delete(key)
    buckets.set(key, bucket)
    const oldest = buckets.keys().next()
    if (buckets.size > maxKeys && !oldest.done) buckets.delete(oldest.value)
    return bucket
  }
}
