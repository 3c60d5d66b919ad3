import { mkdir, stat } from 'node:fs/promises'
import { describeSystemError, MeshError } from '../errors/index.ts'
import type { Health, Logger } from '../observe/index.ts'

/** Makes the state directory if need be. Others may look: programs read `files/` in it. */
export const makeStateDirectory = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 })
  } catch (cause) {
    const why = describeSystemError(cause)
    throw new MeshError(
      'ERR_STATE_UNUSABLE',
      `cannot make the state directory ${path}: ${why}; set state_dir to a directory of your own`,
      { data: { path }, cause },
    )
  }
}

/** Warns while others than owner and group may write: they could replace what is shown. */
export const checkStateDirectory = async (
  path: string,
  { health }: { health: Health },
): Promise<void> => {
  const { mode } = await stat(path)
  if ((mode & 0o002) === 0) return health.clear('state-directory-writable', path)
  health.raise({
    code: 'state-directory-writable',
    subject: path,
    severity: 'error',
    message: `everybody may write to ${path} and replace what is in it; run: chmod o-w ${path}`,
  })
}

/** Tells that a damaged database was put aside; what it held comes back from peers and uploads. */
export const warnOfDamage = (
  { health, logger }: { health: Health; logger: Logger },
  { path, error, movedTo }: { path: string; error: MeshError; movedTo: string },
): void => {
  health.clear('store-damaged', path)
  const message = `the database was damaged and is now at ${movedTo}; a new one has taken its place`
  logger.error({ error, movedTo }, message)
  health.raise(
    { code: 'store-damaged', subject: movedTo, severity: 'warning', message },
    { isLogged: true },
  )
}

/** Tells that something in the database is damaged, which only its next opening can mend. */
export const warnOfSuspicion = (
  { health }: { health: Health },
  path: string,
  error: MeshError,
): void => {
  const next = 'its next start looks at all of the database, and makes a new one if need be'
  health.raise({
    code: 'store-damaged',
    subject: path,
    severity: 'error',
    message: `${error.message}; restart the daemon: ${next}`,
  })
}
