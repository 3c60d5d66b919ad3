import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MeshError } from '../errors/index.ts'
import { diskFailure } from './failure.ts'

/** Held until released, or until the process ends in whatever way. */
export interface StateLock {
  release(): Promise<void>
}

const SQLITE_BUSY = 5

const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY

const holderOf = async (path: string): Promise<string> => {
  const pid = (await readFile(path, 'utf8').catch(() => '')).trim()
  return /^\d{1,10}$/.test(pid) ? `the process ${pid}` : 'another process'
}

/**
 * Makes this process the only one that uses the state directory `path`, which must be there.
 *
 * The lock is the kernel's, on a file that SQLite holds open, because Node has no flock: it goes with
 * the process, so a crash leaves nothing to clean up. The process id beside it is for the message only.
 *
 * @throws MeshError `ERR_STATE_LOCKED`, `ERR_STATE_UNUSABLE`
 */
export const lockStateDirectory = async (path: string): Promise<StateLock> => {
  const lockPath = join(path, 'lock')
  const pidPath = join(path, 'lock.pid')
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(lockPath)
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (!isBusy(error)) throw diskFailure(error, 'lock', lockPath)
    throw new MeshError(
      'ERR_STATE_LOCKED',
      `${path} is in use by ${await holderOf(pidPath)}; stop it, or set another state_dir`,
      { data: { path }, cause: error },
    )
  }
  const held = database
  try {
    await writeFile(pidPath, `${process.pid}\n`, { mode: 0o644 })
  } catch (error) {
    held.close()
    throw diskFailure(error, 'write', pidPath)
  }
  let released = false
  return {
    async release() {
      if (released) return
      released = true
      held.close()
    },
  }
}
