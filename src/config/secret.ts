import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { describeSystemError, MeshError } from '../errors/index.ts'
import { MAX_SECRET_BYTES } from './limits.ts'
import type { ConfigEnvironment } from './types.ts'

/** Absolute form of a path in `configPath`: relative ones start at that file's directory. */
export const resolvePath = (path: string, configPath: string): string =>
  isAbsolute(path) ? path : resolve(dirname(configPath), path)

/**
 * As {@link resolvePath}, for secrets: a relative one is looked for in `$CREDENTIALS_DIRECTORY`
 * first, where systemd puts what the unit's `LoadCredential=` names.
 */
export const resolveSecretPath = (
  path: string,
  configPath: string,
  { credentialsDirectory, exists }: ConfigEnvironment,
): string => {
  if (!isAbsolute(path) && credentialsDirectory !== undefined && credentialsDirectory !== '') {
    const credential = join(credentialsDirectory, path)
    if (exists(credential)) return credential
  }
  return resolvePath(path, configPath)
}

/**
 * Text of a private key or pre-shared key file. Refused if anybody but its owner and group may
 * touch it (systemd's credentials are readable by group).
 *
 * @throws MeshError `ERR_KEY_INSECURE`, `ERR_KEY_UNREADABLE`, `ERR_LIMIT_EXCEEDED`
 */
export const readSecretFile = async (path: string): Promise<string> => {
  // Not blocking: the path may be a pipe that nobody writes to.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (cause: unknown) => {
      throw new MeshError(
        'ERR_KEY_UNREADABLE',
        `the secret ${path} cannot be read: ${describeSystemError(cause)}`,
        {
          data: { path },
          cause,
        },
      )
    },
  )
  try {
    const stat = await file.stat()
    if (!stat.isFile()) {
      throw new MeshError('ERR_KEY_UNREADABLE', `${path} is not a file`, { data: { path } })
    }
    if ((stat.mode & 0o007) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0')
      const message = `${path} is open to everybody (mode ${mode}); run: chmod 600 ${path}`
      throw new MeshError('ERR_KEY_INSECURE', message, { data: { path, mode } })
    }
    if (stat.size > MAX_SECRET_BYTES) {
      const message = `${path} is too large for a key: ${stat.size} bytes`
      throw new MeshError('ERR_LIMIT_EXCEEDED', message, { data: { path } })
    }
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}
