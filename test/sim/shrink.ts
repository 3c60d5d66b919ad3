/** Leaves out what a failure does not need. */
import { planOf } from './plan.ts'
import { runSeed } from './run.ts'
import type { Result, RunInit } from './run.ts'

/**
 * Drops actions, in ever smaller pieces, as long as the seed still fails. An action's randomness is its
 * own, so the others stay much the same.
 */
export const shrink = async (seed: number, init: RunInit = {}): Promise<Result> => {
  let kept = planOf(seed, init).actions.map(({ number }) => number)
  const attempt = (numbers: readonly number[]): Promise<Result> => {
    const chosen = new Set(numbers)
    return runSeed(seed, { ...init, only: ({ number }) => chosen.has(number) })
  }
  let result = await attempt(kept)
  if (result.violations.length === 0) return result
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < kept.length; ) {
      const fewer = kept.toSpliced(at, size)
      const next = await attempt(fewer)
      if (next.violations.length === 0) {
        at += size
        continue
      }
      kept = fewer
      result = next
    }
  }
  return result
}
