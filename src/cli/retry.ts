import { isMeshError } from '../errors/index.ts'
import { formatDuration } from '../util/index.ts'
import { warn } from './print.ts'
import type { Context } from './context.ts'

/** Waits between attempts to reach a daemon that may be restarting. */
export const RETRY_WAITS_MS = [250, 750, 2_000] as const
/** Longest wait that a daemon without a place can make us keep between two attempts. */
export const MAX_BUSY_WAIT_MS = 10_000

/** How long to wait before another attempt; `undefined`: there is none in it. */
const waitAfter = (error: unknown, usualMs: number): number | undefined => {
  if (isMeshError(error, 'ERR_DAEMON_UNREACHABLE')) return usualMs
  if (!isMeshError(error, 'ERR_DAEMON_BUSY')) return undefined
  const { retryAfterSeconds } = error.data
  const askedMs = typeof retryAfterSeconds === 'number' ? retryAfterSeconds * 1_000 : usualMs
  return Math.min(MAX_BUSY_WAIT_MS, Math.max(usualMs, askedMs))
}

/** Runs a task again when no daemon could be reached, or it had no place, a few times. */
export const withRetries = async <T>(context: Context, task: () => Promise<T>): Promise<T> => {
  for (const usualMs of RETRY_WAITS_MS) {
    try {
      return await task()
    } catch (error) {
      const waitMs = waitAfter(error, usualMs)
      if (waitMs === undefined || !isMeshError(error)) throw error
      await warn(context, `${error.message}; trying again in ${formatDuration(waitMs)}`)
      await context.sleep(waitMs)
      context.signal.throwIfAborted()
    }
  }
  return task()
}
