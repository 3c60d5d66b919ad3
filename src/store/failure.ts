import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MeshError } from '../errors/index.ts'

const EIO = 5
const ENOSPC = 28
const MDB_MAP_FULL = -30792
/** MDB_PAGE_NOTFOUND, CORRUPTED, PANIC, VERSION_MISMATCH, INVALID, BAD_TXN, in this order. */
const DAMAGE: readonly number[] = [-30797, -30796, -30795, -30794, -30793, -30782]
/** More than a small commit needs; less than anybody would call room. */
const PROBE_BYTES = 64 * 2 ** 10

const codeOf = (error: unknown): number | string | undefined =>
  error instanceof Error &&
  'code' in error &&
  (typeof error.code === 'number' || typeof error.code === 'string')
    ? error.code
    : undefined

/** What lmdb-js says of a key that no LMDB has written; it has no code. */
const isWrongKey = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('Invalid key size')

/** Whether LMDB itself failed, rather than the code that used it. */
export const isDatabaseError = (error: unknown): boolean =>
  typeof codeOf(error) === 'number' ||
  isWrongKey(error) ||
  (error instanceof Error && error.message.startsWith('MDB_'))

/** Whether nothing more can be written in `directory`. */
export const isFull = async (directory: string): Promise<boolean> => {
  const path = join(directory, 'probe')
  try {
    await writeFile(path, Buffer.alloc(PROBE_BYTES), { mode: 0o600, flush: true })
    return false
  } catch (error) {
    return ['ENOSPC', 'EDQUOT'].includes(String(codeOf(error)))
  } finally {
    await rm(path, { force: true }).catch(() => {})
  }
}

/** Where LMDB keeps who reads; a file that is mapped into memory. */
const LOCK_FILE = 'lock.mdb'

/**
 * Makes sure that LMDB can be opened in `directory` at all: it maps its lock file before there is
 * anything in it, and where the disk has no room for that the kernel kills the process (SIGBUS).
 *
 * @throws MeshError `ERR_DISK_FULL`
 */
export const checkRoom = async (directory: string): Promise<void> => {
  const lock = await stat(join(directory, LOCK_FILE)).catch(() => undefined)
  // One of an earlier opening has the pages that are needed.
  if ((lock?.blocks ?? 0) > 0 || !(await isFull(directory))) return
  const message = `cannot make a database in ${directory}: the disk is full; make room`
  throw new MeshError('ERR_DISK_FULL', message, { data: { path: directory } })
}

/** The error that lmdb-js hides in a promise on a failed commit. */
const unwrap = async (error: unknown): Promise<unknown> => {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  try {
    return (await error.commitError) ?? error
  } catch (cause) {
    return cause
  }
}

/** What a failure of LMDB in `directory` means to a caller. */
export const storeFailure = async (error: unknown, directory: string): Promise<MeshError> => {
  if (error instanceof MeshError) return error
  const cause = await unwrap(error)
  const code = codeOf(cause)
  const data = { path: directory, system: code ?? null }
  const options = { data, cause }
  // LMDB calls a write that the disk took only in part an input/output error.
  if (code === ENOSPC || code === MDB_MAP_FULL || (code === EIO && (await isFull(directory)))) {
    return new MeshError(
      'ERR_DISK_FULL',
      `cannot write to ${directory}: the disk is full; make room`,
      options,
    )
  }
  const message = cause instanceof Error ? cause.message : String(cause)
  return (
    readFailure(cause) ?? new MeshError('ERR_STATE_UNUSABLE', `${directory}: ${message}`, options)
  )
}

/** Damage that a read came upon, or `undefined` if the error is another. */
export const readFailure = (error: unknown): MeshError | undefined => {
  const code = codeOf(error)
  const damage = typeof code === 'number' && DAMAGE.includes(code)
  if (!damage && !isWrongKey(error)) return undefined
  const message = error instanceof Error ? error.message : String(error)
  return new MeshError('ERR_STATE_CORRUPT', `the database is damaged: ${message}`, {
    cause: error,
  })
}
