import { isMeshError, MeshError } from '../errors/index.ts'
import { publicKeyFromBytes } from '../keys/index.ts'
import { formatTimestamp, fromHex, parseTimestamp, utf8 } from '../util/index.ts'
import { MAX_REVOKED_FILE_BYTES, MAX_REVOKED_KEYS } from './limits.ts'
import { malformed, readHead, readText, writeHead } from './lines.ts'
import { REVOKED_FILE } from './names.ts'
import type { NodeCertificate, PublicKey } from '../keys/index.ts'
import type { NetworkId } from '../statement/index.ts'
import type { Timestamp } from '../util/index.ts'

/** One node key that has lost its right, or some of its certificates. */
export interface Revocation {
  readonly key: PublicKey
  /** Certificates of the key that do not count: all of them, or those issued before a time. */
  readonly certificates: 'all' | Timestamp
  /** The signer's clock; for people. */
  readonly revokedAt: Timestamp
  /** Node name, for people, if whoever revoked knew it. */
  readonly name?: string
}

/** What `_mesh/revoked` says. */
export interface RevocationList {
  readonly network: NetworkId
  /** Sorted by key. */
  readonly revocations: ReadonlyMap<PublicKey, Revocation>
}

const KIND = 'mesh-revoked 1'
/** `key <hex> <all or time> <time> <name or ->` */
const LINE = /^key ([0-9a-f]{64}) (all|\S{24}) (\S{24}) (-|[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})$/

const readKey = (hex: string, line: number): PublicKey => {
  try {
    return publicKeyFromBytes(fromHex(hex) ?? new Uint8Array())
  } catch (error) {
    if (!isMeshError(error)) throw error
    throw malformed(REVOKED_FILE, `line ${line}: ${error.message}`, error)
  }
}

const readLine = (text: string, line: number): Revocation => {
  const [, hex = '', which = '', at = '', name] = LINE.exec(text) ?? []
  const certificates = which === 'all' ? which : parseTimestamp(which)
  const revokedAt = parseTimestamp(at)
  if (certificates === undefined || revokedAt === undefined) {
    throw malformed(
      REVOKED_FILE,
      `line ${line} is not "key", 64 hex digits, "all" or a time, a time, and a name or "-"`,
    )
  }
  const key = readKey(hex, line)
  return { key, certificates, revokedAt, ...(name === '-' || name === undefined ? {} : { name }) }
}

const writeLine = ({ key, certificates, revokedAt, name = '-' }: Revocation): string => {
  const which = certificates === 'all' ? certificates : formatTimestamp(certificates)
  return `key ${key} ${which} ${formatTimestamp(revokedAt)} ${name}\n`
}

/** @throws MeshError `ERR_TRUST_MALFORMED` */
export const decodeRevocations = (bytes: Uint8Array): RevocationList => {
  const text = readText(REVOKED_FILE, bytes, MAX_REVOKED_FILE_BYTES)
  const { network, rest } = readHead(REVOKED_FILE, KIND, text)
  const lines = rest.split('\n')
  if (lines.pop() !== '') throw malformed(REVOKED_FILE, 'its last line does not end')
  if (lines.length > MAX_REVOKED_KEYS) {
    throw malformed(REVOKED_FILE, `it has more than ${MAX_REVOKED_KEYS} entries`)
  }
  const revocations = new Map<PublicKey, Revocation>()
  let before = ''
  for (const [index, each] of lines.entries()) {
    const revocation = readLine(each, index + 3)
    if (revocation.key <= before) {
      throw malformed(REVOKED_FILE, `line ${index + 3} is not in the order of keys, each once`)
    }
    before = revocation.key
    revocations.set(revocation.key, revocation)
  }
  return { network, revocations }
}

/**
 * The file with these entries, in whatever order they come; of two for one key, the last.
 *
 * @throws MeshError `ERR_TRUST_MALFORMED` if nobody would read it
 */
export const encodeRevocations = (
  network: NetworkId,
  revocations: Iterable<Revocation>,
): Uint8Array => {
  const byKey = new Map([...revocations].map((each) => [each.key, each]))
  const lines = [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1)).map(writeLine)
  const bytes = utf8(writeHead(KIND, network) + lines.join(''))
  decodeRevocations(bytes)
  return bytes
}

/** Whether a revocation takes the right from a certificate of its key. */
export const isRevokedBy = (
  revocation: Revocation | undefined,
  { issued }: Pick<NodeCertificate, 'issued'>,
): boolean =>
  revocation !== undefined &&
  (revocation.certificates === 'all' || issued < revocation.certificates)

/** The error for a certificate that has lost its right. */
export const revokedError = (
  { name }: Pick<NodeCertificate, 'name'>,
  { key, revokedAt, certificates }: Revocation,
): MeshError => {
  const at = formatTimestamp(revokedAt)
  const what =
    certificates === 'all'
      ? `the key of "${name}" was revoked at ${at}`
      : `the certificates of "${name}" issued before ${formatTimestamp(certificates)} were revoked at ${at}`
  return new MeshError('ERR_CERTIFICATE_REVOKED', `${what}, by a network key (${REVOKED_FILE})`, {
    data: { name, key, revokedAt: at },
  })
}
