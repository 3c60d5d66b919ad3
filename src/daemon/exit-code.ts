import { isMeshError } from '../errors/index.ts'

/**
 * Exit codes of the daemon, from sysexits(3), so that a service manager can act on them:
 * `RestartPreventExitStatus=78` keeps it from trying a bad configuration again and again.
 */
export const daemonExit = {
  /** Stopped as asked. */
  ok: 0,
  /** A defect, or damaged data: somebody should look. */
  software: 70,
  /** Something that may be over soon: a lock, a port in use, a full disk. Try again. */
  temporary: 75,
  /** The configuration, or a key or certificate it names. Trying again does not help. */
  config: 78,
} as const

const temporary = [
  'ERR_STATE_LOCKED',
  'ERR_STATE_UNUSABLE',
  'ERR_DISK_FULL',
  'ERR_LISTEN_FAILED',
  'ERR_TIMEOUT',
]
const software = ['ERR_INTERNAL', 'ERR_STATE_CORRUPT']

/** Exit code for an error that ended the start. */
export const exitCodeOf = (error: unknown): number => {
  if (!isMeshError(error) || software.includes(error.code)) return daemonExit.software
  if (error.code === 'ERR_ABORTED') return daemonExit.ok
  return temporary.includes(error.code) ? daemonExit.temporary : daemonExit.config
}
