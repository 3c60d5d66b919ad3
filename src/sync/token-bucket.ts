import { MAX_RATED_PEERS } from './limits.ts'
import type { PeerId } from '../keys/index.ts'
import type { Clock } from '../util/index.ts'

/** Allows `perSecond` on average and `burst` at once. */
export interface TokenBucket {
  /** Takes `count` if they are there. */
  tryTake(count: number): boolean
  /** Takes `count`, into debt if need be, and says how long to wait until that is paid, in ms. */
  take(count: number): number
}

export const createTokenBucket = (
  { clock }: { clock: Clock },
  { perSecond, burst }: { perSecond: number; burst: number },
): TokenBucket => {
  let tokens = burst
  let filledMs = clock.monotonicMs()
  const fill = (): void => {
    const nowMs = clock.monotonicMs()
    tokens = Math.min(burst, tokens + ((nowMs - filledMs) * perSecond) / 1_000)
    filledMs = nowMs
  }
  return {
    tryTake(count) {
      fill()
      if (tokens < count) return false
      tokens -= count
      return true
    },
    take(count) {
      fill()
      tokens -= count
      return tokens >= 0 ? 0 : (-tokens * 1_000) / perSecond
    },
  }
}

/**
 * A bucket for each peer, kept beyond disconnection: a peer would have a fresh burst with each
 * connection or stream otherwise. The longest known are forgotten first.
 */
export const createPeerBuckets = (
  components: { clock: Clock },
  init: { perSecond: number; burst: number },
): ((peer: PeerId) => TokenBucket) => {
  const buckets = new Map<PeerId, TokenBucket>()
  return (peer) => {
    const known = buckets.get(peer)
    if (known !== undefined) return known
    const bucket = createTokenBucket(components, init)
    buckets.set(peer, bucket)
    const oldest = buckets.keys().next()
    if (buckets.size > MAX_RATED_PEERS && !oldest.done) buckets.delete(oldest.value)
    return bucket
  }
}
