import { lstat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { loadConfig, parseConfig } from '../config/index.ts'
import { systemErrorCode } from '../errors/index.ts'
import type { Config } from '../config/index.ts'

/** Where a daemon gets its configuration from, at its start and at each reload. */
export interface ConfigSource {
  /** @throws MeshError `ERR_CONFIG_NOT_FOUND`, `ERR_CONFIG_SYNTAX`, `ERR_CONFIG_INVALID` */
  load(): Promise<Config>
}

export interface ConfigSourceInit {
  readonly path: string
  /** Whether somebody named the path, so that the file has to be there. */
  readonly isNamed: boolean
}

/** Whether there is anything, however broken: a link that leads nowhere was put there by somebody. */
const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    (error) => !['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error)),
  )

/** Without a configuration: all defaults, with a state directory that this user may write. */
const defaultConfig = (path: string): Config => {
  const { STATE_DIRECTORY, XDG_STATE_HOME } = process.env
  const own =
    STATE_DIRECTORY?.split(':')[0] ??
    (process.getuid?.() === 0
      ? undefined
      : join(XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'mesh'))
  const text = own === undefined ? '' : `state_dir = ${JSON.stringify(own)}\n`
  return parseConfig(text, { path })
}

/**
 * A file that nobody named may be missing, and defaults stand in for it; but not once it has been read:
 * a reload in the moment in which it is replaced would withdraw every file.
 */
export const createConfigSource = ({ path, isNamed }: ConfigSourceInit): ConfigSource => {
  let isRequired = isNamed
  return {
    async load() {
      if (!isRequired && !(await isThere(path))) return defaultConfig(path)
      const config = await loadConfig(path)
      isRequired = true
      return config
    },
  }
}
