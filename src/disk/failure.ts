import { MeshError, systemErrorCode } from '../errors/index.ts'

/** Whether the system said that there is nothing at that path. */
export const isAbsent = (error: unknown): boolean => hasSystemCode(error, 'ENOENT', 'ENOTDIR')

/** Whether the system said one of these. */
export const hasSystemCode = (error: unknown, ...codes: readonly string[]): boolean =>
  codes.includes(systemErrorCode(error))

const FULL = ['ENOSPC', 'EDQUOT']

/** What a failed system call means to a caller, with the path and what to do about it. */
export const diskFailure = (error: unknown, doing: string, path: string): MeshError => {
  if (error instanceof MeshError) return error
  const code = systemErrorCode(error)
  const data = { path, system: code || null }
  if (FULL.includes(code)) {
    return new MeshError('ERR_DISK_FULL', `cannot ${doing} ${path}: the disk is full; make room`, {
      data,
      cause: error,
    })
  }
  const reason =
    code === 'ELOOP'
      ? 'it is a symbolic link, and links are not followed here; remove it'
      : error instanceof Error
        ? error.message
        : String(error)
  return new MeshError('ERR_STATE_UNUSABLE', `cannot ${doing} ${path}: ${reason}`, {
    data,
    cause: error,
  })
}
