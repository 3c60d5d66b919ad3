/** How bad it is: with an `error` the daemon does not start, or does not do its work. */
export type Severity = 'ok' | 'note' | 'warning' | 'error'

/** One thing that was looked at. */
export interface Finding {
  /** Part of the setup: `configuration`, `keys`, `state`, `daemon`, `ports`, `bootstrap`, `clock`. */
  readonly check: string
  readonly severity: Severity
  /** Which: a path, an address, a peer; empty for the part as a whole. */
  readonly subject: string
  /** What. */
  readonly message: string
  /** What to do next; empty if there is nothing to do. */
  readonly next: string
}

export type Report = (
  severity: Severity,
  subject: string,
  message: string,
  next?: string,
) => Finding

/** Makes findings of one check. */
export const reporter =
  (check: string): Report =>
  (severity, subject, message, next = '') => ({ check, severity, subject, message, next })
