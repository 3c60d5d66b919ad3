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

/** The set of things that are wrong now; a warning is one (code, subject). */
export interface Health {
  raise(warning: Omit<HealthWarning, 'sinceMs'>): void
  clear(code: string, subject?: string): void
  /** Most severe first, then by age. */
  list(): readonly HealthWarning[]
}

export const createHealth = (components: { clock: { nowMs(): number } }): Health => {
  const warnings = new Map<string, HealthWarning>()
  const keyOf = (code: string, subject: string): string => `${code} ${subject}`
  return {
    raise(warning) {
      const key = keyOf(warning.code, warning.subject)
      const sinceMs = warnings.get(key)?.sinceMs ?? components.clock.nowMs()
      warnings.set(key, { ...warning, sinceMs })
    },
    clear(code, subject = '') {
      warnings.delete(keyOf(code, subject))
    },
    list() {
      const rank = (warning: HealthWarning): number => (warning.severity === 'error' ? 0 : 1)
      return [...warnings.values()].sort((a, b) => rank(a) - rank(b) || a.sinceMs - b.sinceMs)
    },
  }
}
