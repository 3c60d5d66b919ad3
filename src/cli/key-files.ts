import { readSecretFile } from '../config/index.ts'
import { isMeshError, MeshError } from '../errors/index.ts'
import { MAX_KEY_TEXT_BYTES, parsePeerId, parsePublicKey } from '../keys/index.ts'
import { publicKeyFromPeerId, readPrivateKey } from '../keys/index.ts'
import { readSmallFile } from './content.ts'
import { askHidden } from './prompt.ts'
import type { Command } from 'commander'
import type { PrivateKey, PublicKey } from '../keys/index.ts'
import type { Context } from './context.ts'

/** Options of every command that reads a private key. */
export interface PassphraseOptions {
  readonly passphraseFile?: string
}

export const withPassphraseOption = (command: Command): Command =>
  command.option(
    '--passphrase-file <path>',
    "file that holds the private key's passphrase [$MESH_PASSPHRASE_FILE; else asked for]",
  )

/**
 * The passphrase in the file that the options or the environment name: its first line.
 *
 * @throws MeshError `ERR_KEY_UNREADABLE`, `ERR_KEY_INSECURE`, `ERR_KEY_PASSPHRASE`
 */
export const readPassphrase = async (
  { passphraseFile }: PassphraseOptions,
  env: Context['env'],
): Promise<string | undefined> => {
  const path = passphraseFile ?? env.MESH_PASSPHRASE_FILE
  if (path === undefined || path === '') return undefined
  const [line = ''] = (await readSecretFile(path)).split(/\r?\n/)
  if (line !== '') return line
  throw new MeshError('ERR_KEY_PASSPHRASE', `${path} is empty: there is no passphrase in it`)
}

/** The key's error, with the file it is about. */
const about = (path: string, error: unknown): unknown =>
  isMeshError(error)
    ? new MeshError(error.code, `${path}: ${error.message}`, { data: { path }, cause: error })
    : error

const decrypt = async (path: string, text: string, env: Context['env']): Promise<PrivateKey> => {
  const passphrase = await askHidden(`Passphrase of ${path}: `)
  if (passphrase !== undefined) return readPrivateKey(text, { passphrase })
  const where = env.MESH_PASSPHRASE_FILE === undefined ? '--passphrase-file' : 'another file'
  throw new MeshError('ERR_KEY_PASSPHRASE', `it has a passphrase; name its file with ${where}`)
}

/**
 * Reads a private key, asking for its passphrase if it has one that nobody gave.
 *
 * @throws MeshError `ERR_KEY_*`
 */
export const readKeyFile = async (
  path: string,
  options: PassphraseOptions,
  { env }: Pick<Context, 'env'>,
): Promise<PrivateKey> => {
  const text = await readSecretFile(path).catch(async (error: unknown) => {
    throw (await holdsPublicKey(path, error)) ? isPublic(path) : error
  })
  const passphrase = await readPassphrase(options, env)
  try {
    return readPrivateKey(text, { passphrase })
  } catch (error) {
    if (!isMeshError(error, 'ERR_KEY_PASSPHRASE') || passphrase !== undefined) {
      throw about(path, error)
    }
  }
  try {
    return await decrypt(path, text, env)
  } catch (error) {
    throw isMeshError(error, 'ERR_ABORTED') ? error : about(path, error)
  }
}

/** Whether a file that is open to everybody may well be: somebody named `x.pub` for `x`. */
const holdsPublicKey = async (path: string, error: unknown): Promise<boolean> => {
  if (!isMeshError(error, 'ERR_KEY_INSECURE')) return false
  const text = await readSmallFile(path, MAX_KEY_TEXT_BYTES).catch(() => '')
  return !(tryParse(text) instanceof MeshError)
}

const isPublic = (path: string): MeshError => {
  const other = path.endsWith('.pub') ? `, perhaps ${path.slice(0, -'.pub'.length)}` : ''
  const message = `${path} is a public key; name the private one${other}`
  return new MeshError('ERR_KEY_MALFORMED', message, { data: { path } })
}

const tryParse = (text: string): PublicKey | MeshError => {
  try {
    return parsePublicKey(text)
  } catch (error) {
    if (isMeshError(error)) return error
    throw error
  }
}

/**
 * A public key as people give it on a command line: the key itself in any format, a peer id, or the
 * path of a file that holds one.
 *
 * @throws MeshError `ERR_KEY_*`, `ERR_INPUT_UNREADABLE`
 */
export const readPublicKey = async (given: string): Promise<PublicKey> => {
  const peerId = parsePeerId(given)
  if (peerId !== undefined) return publicKeyFromPeerId(peerId)
  const direct = tryParse(given)
  if (!(direct instanceof MeshError)) return direct
  if (direct.code === 'ERR_KEY_WEAK') throw direct
  const text = await readSmallFile(given, MAX_KEY_TEXT_BYTES).catch((error: unknown) => {
    const isPath = /[/.]/.test(given) && !given.includes(' ')
    throw isPath ? error : direct
  })
  const fromFile = tryParse(text)
  if (fromFile instanceof MeshError) throw about(given, fromFile)
  return fromFile
}
