/**
 * Daemon: the one place where all parts are built and joined.
 *
 * Promises: parts start in order and stop in reverse, within a deadline; a start that fails undoes
 * what it did and says why in one sentence; SIGHUP applies what can be applied and keeps the old
 * where the new is bad; the exit code tells a service manager whether trying again makes sense. See
 * `docs/operations.md`.
 *
 * @packageDocumentation
 */
export { createDaemon } from './daemon.ts'
export { daemonExit } from './exit-code.ts'
export { runDaemon } from './run.ts'
export { verifyStore } from './verify-store.ts'
export type { Daemon, DaemonComponents, ReloadReport } from './daemon.ts'
export type { RunInit } from './run.ts'
