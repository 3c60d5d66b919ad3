/** Running the time of a world until something has come about. */
import type { World } from './world.ts'

const SECOND_MS = 1_000
/** Within this time after everything is well again, all are in step. */
export const MAX_HEALING_MS = 20 * 60 * SECOND_MS

/** Milliseconds that it took until `done()`; `undefined` if that is not within `maxMs`. */
export const until = async (
  { clock }: Pick<World, 'clock'>,
  done: () => boolean,
  maxMs: number,
): Promise<number | undefined> => {
  const startMs = clock.monotonicMs()
  while (!done()) {
    if (clock.monotonicMs() - startMs >= maxMs) return undefined
    await clock.advance(SECOND_MS)
  }
  return clock.monotonicMs() - startMs
}

/** Runs time until a promise settles. */
export const during = async <T>(
  { clock }: Pick<World, 'clock'>,
  promise: Promise<T>,
): Promise<T> => {
  let settled = false
  const waiting = promise.finally(() => {
    settled = true
  })
  waiting.catch(() => undefined)
  await clock.runUntil(() => settled, MAX_HEALING_MS)
  if (!settled) throw new Error('nothing comes of it')
  return waiting
}
