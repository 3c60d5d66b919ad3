import type { Clock } from '../util/index.ts'

/** Allows `perSecond` on average and `burst` at once. */
export interface TokenBucket {
  /** Takes `count`, into debt if need be; ms until the debt is paid off, 0 if there is none. */
  take(count: number): number
  /** Takes `count` if they are there; `false`, and nothing taken, if not. */
  tryTake(count: number): boolean
}

export const createTokenBucket = (
  { clock }: { clock: Pick<Clock, 'monotonicMs'> },
  { perSecond, burst = perSecond }: { perSecond: number; burst?: number },
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
  }
}
