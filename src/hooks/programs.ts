import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describeSystemError, MeshError } from '../errors/index.ts'
import { MAX_DIRECTORY_HOOKS } from './limits.ts'

const unusable = (path: string, why: string, cause?: unknown): MeshError =>
  new MeshError('ERR_INPUT_UNREADABLE', `the hook ${path} ${why}`, {
    data: { path },
    ...(cause === undefined ? {} : { cause }),
  })

/**
 * Whoever may write to it could have the daemon do anything.
 *
 * @throws MeshError `ERR_INPUT_UNREADABLE`
 */
export const checkProgram = async (path: string): Promise<{ isExecutable: boolean }> => {
  const found = await stat(path).catch((cause: unknown) => {
    throw unusable(path, `cannot be run: ${describeSystemError(cause)}`, cause)
  })
  if ((found.mode & 0o002) !== 0) {
    throw unusable(path, `may be changed by everybody; run: chmod o-w ${path}`)
  }
  return { isExecutable: found.isFile() && (found.mode & 0o111) !== 0 }
}

/**
 * The programs of a hook directory, in the order of their names. Backups and hidden files are none.
 *
 * @throws MeshError `ERR_INPUT_UNREADABLE`
 */
export const listPrograms = async (directory: string): Promise<readonly string[]> => {
  await checkProgram(directory)
  const names = await readdir(directory).catch((cause: unknown) => {
    throw unusable(directory, `cannot be read: ${describeSystemError(cause)}`, cause)
  })
  const programs: string[] = []
  for (const name of names.filter((each) => /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(each)).sort()) {
    const path = join(directory, name)
    if ((await checkProgram(path)).isExecutable) programs.push(path)
  }
  if (programs.length > MAX_DIRECTORY_HOOKS) {
    throw unusable(directory, `has more than ${MAX_DIRECTORY_HOOKS} programs`)
  }
  return programs
}
