import { existsSync } from 'node:fs'
import { Option } from 'commander'
import { DEFAULT_HTTP_PORT, DEFAULT_SOCKET_PATH } from '../api/index.ts'
import { createClient } from '../client/index.ts'
import { MeshError } from '../errors/index.ts'
import type { Command } from 'commander'
import type { Client, DaemonAddress } from '../client/index.ts'
import type { Context } from './context.ts'

/** Where the daemon is, as options of a command. */
export interface DaemonOptions {
  readonly url?: string
  readonly socket?: string
}

const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_HTTP_PORT}`

/** Adds `--url` and `--socket`. */
export const withDaemonOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--url <url>', `URL of the daemon [$MESH_URL; else ${DEFAULT_URL}]`).conflicts(
        'socket',
      ),
    )
    .option(
      '--socket <path>',
      `unix socket of the daemon [$MESH_SOCKET; else ${DEFAULT_SOCKET_PATH} if it is there]`,
    )

/** Options first, then the environment, then the usual places. */
export const daemonAddress = (
  { url, socket }: DaemonOptions,
  env: Context['env'],
  exists: (path: string) => boolean = existsSync,
): DaemonAddress => {
  if (url === '' || socket === '') throw new MeshError('ERR_USAGE', 'the address is empty')
  if (url !== undefined) return { url }
  if (socket !== undefined) return { socketPath: socket }
  if (env.MESH_URL !== undefined && env.MESH_URL !== '') return { url: env.MESH_URL }
  const socketPath = env.MESH_SOCKET
  if (socketPath !== undefined && socketPath !== '') return { socketPath }
  return exists(DEFAULT_SOCKET_PATH) ? { socketPath: DEFAULT_SOCKET_PATH } : { url: DEFAULT_URL }
}

/** A client of the daemon that the options mean. */
export const connect = (options: DaemonOptions, { env, clock }: Context): Client =>
  createClient(daemonAddress(options, env), { clock })
