const words: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'the quota is used up',
  EEXIST: 'it is there already',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links lead in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'its name is too long',
  ENOENT: 'there is no such file or directory',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is not a directory',
  ENXIO: 'it is not a file',
  EPERM: 'it is not permitted',
  EROFS: 'the file system is read-only',
}

/** The code of a failed system call, as `ENOENT`; empty if the error is of another kind. */
export const systemErrorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/**
 * Why the operating system refused, in words and without the path, which the caller has already
 * named.
 */
export const describeSystemError = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return words[systemErrorCode(error)] ?? error.message
}
