export interface HealthWarningBody {
  readonly code: string
  readonly subject: string
  readonly severity: 'warning' | 'error'
  readonly message: string
  readonly since: string
}

/** GET /healthz and /readyz. */
export interface HealthBody {
  readonly status: 'ok' | 'degraded' | 'starting' | 'stopping'
  readonly warnings: readonly HealthWarningBody[]
}
