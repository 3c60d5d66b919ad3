import { isMeshError } from '../errors/index.ts'
import { formatDuration } from '../util/index.ts'
import { warn } from './print.ts'
import type { Context } from './context.ts'

/** Waits between attempts to reach a daemon that may be restarting. */
export const RETRY_WAITS_MS = [250, 750, 2_000] as const

/** Runs a task again when no daemon could be reached, a few times. */
export const withRetries = async <T>(context: Context, task: () => Promise<T>): Promise<T> => {
  for (const waitMs of RETRY_WAITS_MS) {
    try {
      return await task()
    } catch (error) {
      if (!isMeshError(error, 'ERR_DAEMON_UNREACHABLE')) throw error
      await warn(context, `${error.message}; trying again in ${formatDuration(waitMs)}`)
      await context.sleep(waitMs)
      context.signal.throwIfAborted()
    }
  }
  return task()
}
