/**
 * Observe: what a daemon says about itself: log lines, metrics, health warnings, background workers.
 *
 * Promises: logging never throws and never blocks; a health warning is data with a stable code that
 * stays until its cause is gone; every piece of background work is a named {@link Worker} whose
 * state, last error and next run are visible.
 *
 * @packageDocumentation
 */
export { createHealth } from './health.ts'
export { createLogOutput } from './log-output.ts'
export { createLogger, silentLogger } from './logger.ts'
export { createMetrics } from './metrics.ts'
export { createWorkers } from './workers.ts'
export type { Health, HealthEvents, HealthWarning, Severity } from './health.ts'
export type { Logger, LogLevel } from './logger.ts'
export type { MetricInit, Metrics, Reading } from './metrics.ts'
export type { Worker, Workers, WorkerInit, WorkerStatus } from './workers.ts'
