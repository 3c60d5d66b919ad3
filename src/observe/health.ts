import { EventEmitter } from 'node:events'
import type { Logger } from './logger.ts'

/** `error`: something the user relies on does not work. `warning`: it will, unless somebody acts. */
export type Severity = 'warning' | 'error'

/** One thing that is wrong now. */
export interface HealthWarning {
  /** Stable and lower-case with dashes, as `certificate-expires-soon`. */
  readonly code: string
  /** What exactly: a file name, a peer id. Empty where there is only one. */
  readonly subject: string
  readonly severity: Severity
  /** What is wrong and what to do about it. */
  readonly message: string
  /** Wall clock in ms since the epoch. */
  readonly sinceMs: number
}

export interface HealthEvents {
  /** Something began to be wrong, or is wrong in another way. */
  raised: [HealthWarning]
  cleared: [HealthWarning]
}

/** The set of things that are wrong now; a warning is one (code, subject). */
export interface Health {
  readonly events: EventEmitter<HealthEvents>
  /** `isLogged`: the caller has a line of its own for it, which says more. */
  raise(warning: Omit<HealthWarning, 'sinceMs'>, options?: { readonly isLogged?: boolean }): void
  clear(code: string, subject?: string): void
  /** Most severe first, then by age. */
  list(): readonly HealthWarning[]
}

/** What begins to be wrong and what ends is logged, so that it can be found when it is over. */
export const createHealth = (components: {
  clock: { nowMs(): number }
  logger?: Pick<Logger, 'error' | 'warn' | 'info'>
}): Health => {
  const { clock, logger } = components
  const warnings = new Map<string, HealthWarning>()
  const events = new EventEmitter<HealthEvents>()
  const keyOf = (code: string, subject: string): string => `${code} ${subject}`
  return {
    events,
    raise(warning, { isLogged = false } = {}) {
      const { code, subject, severity, message } = warning
      const key = keyOf(code, subject)
      const before = warnings.get(key)
      const now = { ...warning, sinceMs: before?.sinceMs ?? clock.nowMs() }
      warnings.set(key, now)
      if (before?.severity !== severity || before.message !== message) events.emit('raised', now)
      // Raised again it has another message at most, as with every attempt that fails.
      if (isLogged || before?.severity === severity) return
      const log = severity === 'error' ? logger?.error : logger?.warn
      log?.({ code, subject }, message)
    },
    clear(code, subject = '') {
      const before = warnings.get(keyOf(code, subject))
      if (before === undefined) return
      warnings.delete(keyOf(code, subject))
      logger?.info({ code, subject }, 'no longer wrong')
      events.emit('cleared', before)
    },
    list() {
      const rank = (warning: HealthWarning): number => (warning.severity === 'error' ? 0 : 1)
      return [...warnings.values()].sort((a, b) => rank(a) - rank(b) || a.sinceMs - b.sinceMs)
    },
  }
}
