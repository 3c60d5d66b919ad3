import { formatDuration } from '../util/index.ts'
import type { Health, Logger } from '../observe/index.ts'
import type { Cancel, Clock } from '../util/index.ts'

const CHECK_INTERVAL_MS = 1_000
/** Later than this, a check counts as stalled. */
const STALL_MS = 1_000
/** How long a stall stays a warning. */
const REMEMBER_MS = 60_000

/** Warns when everything in this process had to wait: requests, peers, the watchdog. */
export const watchEventLoop = ({
  clock,
  health,
  logger,
}: {
  clock: Clock
  health: Health
  logger: Logger
}): Cancel => {
  let forget: Cancel = () => {}
  let cancel: Cancel
  const check = (): void => {
    const dueMs = clock.monotonicMs() + CHECK_INTERVAL_MS
    cancel = clock.schedule(CHECK_INTERVAL_MS, () => {
      const lateMs = Math.round(clock.monotonicMs() - dueMs)
      check()
      if (lateMs < STALL_MS) return
      const message = `nothing ran for ${formatDuration(lateMs)}: the machine is overloaded, was suspended, or mesh has a defect`
      logger.warn({ lateMs }, `event loop stalled: ${message}`)
      health.raise(
        { code: 'event-loop-stalled', subject: '', severity: 'warning', message },
        { isLogged: true },
      )
      forget()
      forget = clock.schedule(REMEMBER_MS, () => health.clear('event-loop-stalled'))
    })
  }
  check()
  return () => {
    cancel()
    forget()
  }
}
