import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { Option } from 'commander'
import { DEFAULT_HTTP_PORT, DEFAULT_SOCKET_PATH } from '../api/index.ts'
import { createClient } from '../client/index.ts'
import { describeSystemError, isMeshError, MeshError } from '../errors/index.ts'
import type { Command } from 'commander'
import type { Client, DaemonAddress } from '../client/index.ts'
import type { Config } from '../config/index.ts'
import type { Context } from './context.ts'

/** Where the daemon is, as options of a command. */
export interface DaemonOptions {
  readonly url?: string
  readonly socket?: string
  readonly tokenFile?: string
}

/** Where a daemon with the default state directory has its socket when there is no /run/mesh. */
const STATE_SOCKET_PATH = '/var/lib/mesh/mesh.sock'

const SOCKETS = [DEFAULT_SOCKET_PATH, STATE_SOCKET_PATH]

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
      `unix socket of the daemon [$MESH_SOCKET; else ${SOCKETS.join(' or ')} if this user may]`,
    )
    .option(
      '--token-file <path>',
      'file with a bearer token for --url, where more than TCP shows is needed [$MESH_TOKEN_FILE]',
    )

/** The first token of a file as the daemon reads it: one a line. */
export const readToken = (path: string): string => {
  let text: string
  try {
    if ((statSync(path).mode & 0o007) !== 0) {
      const message = `${path} is open to everybody; run: chmod 600 ${path}`
      throw new MeshError('ERR_KEY_INSECURE', message, { data: { path } })
    }
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (isMeshError(cause)) throw cause
    const why = describeSystemError(cause)
    throw new MeshError('ERR_KEY_UNREADABLE', `${path} cannot be read: ${why}`, { cause })
  }
  const token = text
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '' && !line.startsWith('#'))
  if (token !== undefined && /^[\x21-\x7e]{1,256}$/.test(token)) return token
  throw new MeshError('ERR_TOKEN_MALFORMED', `there is no token in ${path}; write it in a line`)
}

/** Whoever may not use the socket is still served over TCP. */
const isUsable = (path: string): boolean => {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Options first, then the environment, then the usual places. */
export const daemonAddress = (
  { url, socket }: DaemonOptions,
  env: Context['env'],
  usable: (path: string) => boolean = isUsable,
): DaemonAddress => {
  if (url === '' || socket === '') throw new MeshError('ERR_USAGE', 'the address is empty')
  if (url !== undefined) return { url }
  if (socket !== undefined) return { socketPath: socket }
  if (env.MESH_URL !== undefined && env.MESH_URL !== '') return { url: env.MESH_URL }
  const socketPath = env.MESH_SOCKET
  if (socketPath !== undefined && socketPath !== '') return { socketPath }
  const usual = SOCKETS.find(usable)
  return usual === undefined ? { url: DEFAULT_URL } : { socketPath: usual }
}

/** A client of the daemon that the options mean. */
export const connect = (options: DaemonOptions, { env, clock }: Context): Client => {
  const address = daemonAddress(options, env)
  const path = options.tokenFile ?? env.MESH_TOKEN_FILE ?? ''
  // The unix socket asks for none.
  const token = path === '' || 'socketPath' in address ? undefined : readToken(path)
  return createClient(address, { clock, token })
}

/**
 * The daemon of a configuration. What the command line names goes first; then the configuration, if
 * that was named there (the environment may mean another node); then the environment.
 */
export const connectFor = (
  config: Config | undefined,
  isNamed: boolean,
  options: DaemonOptions,
  context: Context,
): Client => {
  const { env } = context
  const given = isNamed
    ? [options.url, options.socket]
    : [options.url, options.socket, env.MESH_URL, env.MESH_SOCKET]
  const isGiven = given.some((each) => each !== undefined && each !== '')
  return isGiven || config === undefined
    ? connect(options, context)
    : connect({ socket: config.http.socketPath }, context)
}
