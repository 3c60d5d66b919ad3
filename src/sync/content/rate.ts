import { FAIR_RATE_BYTES, MIN_RATE_BYTES, MIN_RATE_WINDOW_MS } from '../limits.ts'
import type { Clock } from '../../util/index.ts'

/**
 * Holds a sender to a minimum rate: {@link MIN_RATE_BYTES} within every {@link MIN_RATE_WINDOW_MS}
 * of waiting for it, or {@link FAIR_RATE_BYTES} while there is a choice. Time that we take ourselves (a slow disk) is not counted against it.
 */
export interface RateGuard {
  /** How long to wait for the next bytes at most. */
  begin(): number
  /** These have come. */
  got(sizeBytes: number): void
}

export const createRateGuard = (
  { clock }: { clock: Clock },
  { hasChoice }: { hasChoice: () => boolean },
): RateGuard => {
  let waitedMs = 0
  let windowBytes = 0
  let sinceMs = 0
  return {
    begin() {
      sinceMs = clock.monotonicMs()
      return Math.max(1, MIN_RATE_WINDOW_MS - waitedMs)
    },
    got(sizeBytes) {
      waitedMs += clock.monotonicMs() - sinceMs
      windowBytes += sizeBytes
      if (windowBytes < (hasChoice() ? FAIR_RATE_BYTES : MIN_RATE_BYTES)) return
      waitedMs = 0
      windowBytes = 0
    },
  }
}
