import { basename } from 'node:path'
import { isMeshError, MeshError } from '../errors/index.ts'
import { MAX_CERTIFICATE_BYTES } from '../keys/index.ts'
import { createSignedStatement, isReservedName, parseFileName } from '../statement/index.ts'
import { parseNetworkId, signStatement } from '../statement/index.ts'
import { parseDigest } from '../util/index.ts'
import { findAgentKeys } from './agent.ts'
import { readSmallFile } from './content.ts'
import { parseExpiry, toTimestamp } from './expiry.ts'
import { readKeyFile } from './key-files.ts'
import { warn } from './print.ts'
import type { Client } from '../client/index.ts'
import type { SigningKey } from '../keys/index.ts'
import type { FileName, NetworkId, SignedStatement, Statement } from '../statement/index.ts'
import type { Digest, Timestamp } from '../util/index.ts'
import type { AgentOptions } from './agent.ts'
import type { Content } from './content.ts'
import type { Context } from './context.ts'
import type { PassphraseOptions } from './key-files.ts'

/** Options of every command that signs a statement. */
export interface SignOptions extends AgentOptions, PassphraseOptions {
  readonly key?: readonly string[]
  /** The other spelling of `key`. */
  readonly keyPath?: readonly string[]
  readonly network?: string
  /** Of the command line `--version`; commander checks that it is a number. */
  readonly version?: number
  readonly expires?: string
  /** Path of the certificate that goes with a statement of a namespace. */
  readonly certificate?: string
}

/** What a daemon knows about a name before something new is published. */
export interface Standing {
  readonly networkId: NetworkId
  /** `null`: nothing was published yet. `undefined`: the daemon does not tell. */
  readonly current:
    | { readonly id: Digest; readonly version: number; readonly deleted: boolean }
    | null
    | undefined
}

/**
 * The name of a file: as given, or what the path ends in.
 *
 * @throws MeshError `ERR_FILE_NAME_INVALID`, `ERR_USAGE`
 */
export const nameOf = (given: string | undefined, path: string): FileName => {
  if (given === undefined && path === '-') {
    throw new MeshError('ERR_USAGE', 'standard input has no name; give one with --name')
  }
  const name = parseFileName(given ?? basename(path))
  if (!isReservedName(name)) return name
  throw new MeshError('ERR_FILE_NAME_INVALID', `${name} is a name that mesh keeps for itself`)
}

/** @throws MeshError `ERR_USAGE`, `ERR_KEY_*`, `ERR_AGENT_*` */
export const readSigningKeys = async (
  { agent = false, key = [], keyPath = [], ...passphrase }: SignOptions,
  context: Context,
): Promise<SigningKey[]> => {
  const fromEnvironment = context.env.MESH_KEY
  const given = [...key, ...keyPath]
  const paths = given.length === 0 && fromEnvironment ? [fromEnvironment] : given
  if (agent) return findAgentKeys(paths, context)
  if (paths.length === 0) {
    const message = 'name the private key that signs with --key (or $MESH_KEY), or say --agent'
    throw new MeshError('ERR_USAGE', message)
  }
  const keys: SigningKey[] = []
  // One after another: each may ask for a passphrase.
  for (const path of new Set(paths)) keys.push(await readKeyFile(path, passphrase, context))
  return keys
}

/** What the daemon has of `name`, or what little it tells over TCP of files that not all may read. */
export const lookUp = async (
  client: Client,
  name: FileName,
  { signal }: Context,
): Promise<Standing> => {
  try {
    const { networkId, files } = await client.files({ name, signal })
    const current = files.find((file) => file.name === name)?.current ?? null
    const id = current === null ? undefined : parseDigest(current.id)
    if (current !== null && id === undefined) {
      throw new MeshError('ERR_RESPONSE_MALFORMED', `${client.address} names a malformed id`)
    }
    return {
      networkId: parseNetworkId(networkId),
      current:
        current === null || id === undefined
          ? null
          : { id, version: current.version, deleted: current.content === null },
    }
  } catch (error) {
    if (!isMeshError(error, 'ERR_REQUEST_FORBIDDEN')) throw error
    const { networkId } = await client.status({ signal })
    return { networkId: parseNetworkId(networkId), current: undefined }
  }
}

/** The network of a new statement: told, or the daemon's own. Signing for another is a mistake. */
export const chooseNetwork = (
  given: string | undefined,
  standing: Standing | undefined,
  env: Context['env'],
): NetworkId => {
  const told = given ?? env.MESH_NETWORK
  const network = told === undefined || told === '' ? undefined : parseNetworkId(told)
  if (standing === undefined) {
    if (network !== undefined) return network
    throw new MeshError('ERR_USAGE', 'name the network with --network (or $MESH_NETWORK)')
  }
  if (network !== undefined && network !== standing.networkId) {
    const message = `the daemon is in the network ${standing.networkId}, not ${network}`
    throw new MeshError('ERR_FILE_NETWORK_MISMATCH', message)
  }
  return standing.networkId
}

const chooseVersion = (given: number | undefined, standing: Standing | undefined): number => {
  if (given !== undefined) return given
  if (standing?.current !== undefined) return (standing.current?.version ?? 0) + 1
  const message =
    'name the version with --version: over TCP the daemon does not tell the current one of this file (--socket)'
  throw new MeshError('ERR_USAGE', message)
}

/** Says so when the daemon and the person do not see the same past. */
export const warnOfDistance = async (
  context: Context,
  { name, version }: Pick<Statement, 'name' | 'version'>,
  { current }: Standing,
): Promise<void> => {
  if (current === undefined) return
  const has = current?.version ?? 0
  if (version <= has) {
    await warn(context, `the daemon is ahead: it has version ${has} of ${name} already`)
  } else if (version > has + 1) {
    const what = has === 0 ? 'no version' : `only version ${has}`
    await warn(context, `the daemon is behind: it has ${what} of ${name} yet`)
  }
}

const timestampAt = (nowMs: number): Timestamp => {
  const time = toTimestamp(nowMs)
  if (time !== undefined) return time
  throw new MeshError('ERR_USAGE', "this machine's clock is outside the years 1970 to 9999; set it")
}

export interface StatementInput {
  readonly name: FileName
  readonly content: Pick<Content, 'digest' | 'sizeBytes' | 'blocks'> | 'deleted'
  readonly options: SignOptions
  /** `undefined`: made without a daemon. */
  readonly standing: Standing | undefined
}

/**
 * Makes the statement that follows what the daemon has, and signs it.
 *
 * @throws MeshError
 */
export const makeStatement = async (
  { name, content, options, standing }: StatementInput,
  keys: readonly SigningKey[],
  context: Context,
): Promise<SignedStatement> => {
  const { expires } = options
  // Read once: an end in 30 days lies 30 days behind the time that the statement names.
  const nowMs = context.clock.nowMs()
  const statement: Statement = {
    network: chooseNetwork(options.network, standing, context.env),
    name,
    version: chooseVersion(options.version, standing),
    time: timestampAt(nowMs),
    expires: expires === undefined || expires === 'never' ? 'never' : parseExpiry(expires, nowMs),
    replaces: standing?.current?.id ?? 'none',
    content:
      content === 'deleted' ? content : { digest: content.digest, sizeBytes: content.sizeBytes },
    blocks: content === 'deleted' ? 'none' : content.blocks,
  }
  const signed = await signStatement(statement, keys)
  if (options.certificate === undefined) return signed
  const certificate = await readSmallFile(options.certificate, MAX_CERTIFICATE_BYTES)
  return createSignedStatement(signed.text, signed.signatures, certificate)
}
