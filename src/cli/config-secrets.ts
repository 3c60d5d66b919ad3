import { readSecretFile } from '../config/index.ts'
import { isMeshError, systemErrorCode } from '../errors/index.ts'
import { MAX_CERTIFICATE_BYTES, parsePsk, readPrivateKey } from '../keys/index.ts'
import { verifyCertificate } from '../keys/index.ts'
import { readSmallFile } from './content.ts'
import type { Config, ConfigPath } from '../config/index.ts'
import type { ErrorCode, MeshError } from '../errors/index.ts'
import type { PublicKey } from '../keys/index.ts'

interface SecretFinding {
  readonly path: ConfigPath
  readonly code: ErrorCode
  readonly message: string
}

/** A file that is named and could not be looked at. */
export interface SecretNote extends SecretFinding {
  readonly file: string
}

/** What the files say that a configuration names. */
export interface SecretsCheck {
  /** With these a daemon would not start, or nobody would let it in. */
  readonly findings: readonly SecretFinding[]
  /** Files that are not here: no fault of the configuration, which may be for another machine. */
  readonly notes: readonly SecretNote[]
}

const NONE: SecretsCheck = { findings: [], notes: [] }

/** Whether the file could not be read at all, as opposed to read and refused. */
const isAbsent = (error: unknown): boolean =>
  isMeshError(error, 'ERR_KEY_UNREADABLE') || isMeshError(error, 'ERR_INPUT_UNREADABLE')

/** What a daemon does without the file. */
const WITHOUT: Readonly<Record<string, string>> = {
  psk: 'a daemon with this configuration does not start; copy it there from another node, or make the first one with mesh generate psk',
  certificate:
    'nobody lets a node with this configuration in; make it with mesh certificate sign where the network key is',
}

const absent = (at: ConfigPath, file: string, error: MeshError): SecretsCheck => {
  const { code } = error
  const isMissing = systemErrorCode(error.cause) === 'ENOENT'
  const without = WITHOUT[`${at.at(-1)}`]
  const message =
    isMissing && without !== undefined
      ? `${file} is not there: on the machine that this is for, ${without}`
      : `${file} cannot be read by this user on this machine, so that it was not judged`
  return { findings: [], notes: [{ path: at, code, message, file }] }
}

const refused = (at: ConfigPath, file: string, error: unknown): SecretsCheck => {
  if (!isMeshError(error)) throw error
  if (isAbsent(error)) return absent(at, file, error)
  const { code } = error
  const message = error.message.includes(file) ? error.message : `${file}: ${error.message}`
  return { findings: [{ path: at, code, message }], notes: [] }
}

const checkPsk = async (at: ConfigPath, file: string): Promise<SecretsCheck> => {
  try {
    parsePsk(await readSecretFile(file))
    return NONE
  } catch (error) {
    return refused(at, file, error)
  }
}

/** The node's public key; a key that is not there yet is made by the first start. */
const checkIdentity = async (file: string): Promise<SecretsCheck & { key?: PublicKey }> => {
  try {
    return { ...NONE, key: readPrivateKey(await readSecretFile(file)).publicKey }
  } catch (error) {
    return isAbsent(error) ? NONE : refused(['network', 'identity_key'], file, error)
  }
}

/** A daemon may have a newer one from `_mesh/certificates`, which leaves the file as it was. */
const RENEWABLE: readonly ErrorCode[] = ['ERR_CERTIFICATE_EXPIRED', 'ERR_CERTIFICATE_INVALID']

const withRemedy = (finding: SecretFinding): SecretFinding => {
  if (!RENEWABLE.includes(finding.code)) return finding
  const { message } = finding
  return {
    ...finding,
    message: `${message}; if it was renewed since, write the new one to this file: mesh certificate renew NAME --output FILE`,
  }
}

const checkCertificate = async (
  { id, keys, certificatePath: file }: Config['network'],
  key: PublicKey | undefined,
  nowMs: number,
): Promise<SecretsCheck> => {
  if (file === undefined) return NONE
  try {
    const text = await readSmallFile(file, MAX_CERTIFICATE_BYTES)
    if (keys.length > 0) verifyCertificate(text, { network: id, networkKeys: keys, key, nowMs })
    return NONE
  } catch (error) {
    const { findings, notes } = refused(['network', 'certificate'], file, error)
    return { findings: findings.map(withRemedy), notes }
  }
}

/** Reads what `[network]` names, as far as it is there, and judges it as a daemon would. */
export const checkSecrets = async (
  { network }: Config,
  { nowMs }: { nowMs: number },
): Promise<SecretsCheck> => {
  const psks = network.pskPaths.map((file) => checkPsk(['network', 'psk'], file))
  const { key, ...identity } = await checkIdentity(network.identityKeyPath)
  const all = [...(await Promise.all(psks)), identity, await checkCertificate(network, key, nowMs)]
  return {
    findings: all.flatMap(({ findings }) => findings),
    notes: all.flatMap(({ notes }) => notes),
  }
}
