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
const SQLITE_FULL = 13

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'errcode' in error ? error.errcode : undefined

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
 * @throws MeshError `ERR_STATE_LOCKED`, `ERR_DISK_FULL`, `ERR_STATE_UNUSABLE`
 */
export const lockStateDirectory = async (path: string): Promise<StateLock> => {
  const lockPath = join(path, 'lock')
  const pidPath = join(path, 'lock.pid')
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(lockPath)
    // Nothing is ever committed. A journal on the disk would keep a start from a disk that is full.
    database.exec('PRAGMA journal_mode=MEMORY; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (codeOf(error) === SQLITE_FULL) {
      const message = `cannot lock ${lockPath}: the disk is full; make room`
      throw new MeshError('ERR_DISK_FULL', message, { data: { path: lockPath }, cause: error })
    }
    if (codeOf(error) !== SQLITE_BUSY) throw diskFailure(error, 'lock', lockPath)
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
    const failure = diskFailure(error, 'write', pidPath)
    // What it is for is one message: no reason not to start on a disk that is full.
    if (failure.code !== 'ERR_DISK_FULL') {
      held.close()
      throw failure
    }
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
