import { isMeshError, MeshError } from '../errors/index.ts'
import { formatTimestamp, parseTimestamp, utf8 } from '../util/index.ts'
import { publicKeyFromHex } from './public-key.ts'
import { armorSshsig, dearmorSshsig, decodeSshsig, encodeSshsig } from './sshsig.ts'
import { signSsh, verifySsh } from './sshsig.ts'
import type { Timestamp } from '../util/index.ts'
import type { SshSignature } from './sshsig.ts'
import type { PublicKey, SigningKey } from './types.ts'

/** Whole certificate file. Bounds what a stranger can make us read before it is let in. */
export const MAX_CERTIFICATE_BYTES = 2 ** 10
/** Longest node name. */
export const MAX_NODE_NAME_BYTES = 64
/** Most namespaces in one certificate, and the longest one: all of them fit into the file. */
export const MAX_CERTIFICATE_NAMESPACES = 8
export const MAX_CERTIFICATE_NAMESPACE_BYTES = 32
/** SSHSIG namespace of certificates (`ssh-keygen -Y sign -n mesh-certificate`). */
export const CERTIFICATE_NAMESPACE = 'mesh-certificate'

/** What a network key says about one node. */
export interface NodeCertificate {
  /** Network id. */
  readonly network: string
  /** For people: logs and `mesh peers`. */
  readonly name: string
  /** The node's identity key. */
  readonly key: PublicKey
  /** The signer's clock; never compared with ours, so a node that boots in 1970 can join. */
  readonly issued: Timestamp
  readonly expires: Timestamp
  /** Sorted. The node may write `<namespace>/<its key>` where a configuration says `self`. */
  readonly namespaces: readonly string[]
}

/** A certificate as read, not yet verified. */
export interface ParsedCertificate {
  readonly certificate: NodeCertificate
  readonly signer: PublicKey
  /** The exact lines that are signed. */
  readonly signedText: string
  readonly signature: SshSignature
}

/** Largest time that a Date takes. */
const MAX_DATE_MS = 8.64e15

const KIND = 'mesh-certificate 1'
const FIELDS = ['network', 'name', 'key', 'issued', 'expires', 'namespaces'] as const
const ARMOR_START = '-----BEGIN SSH SIGNATURE-----\n'
/** The rule of `parseNetworkId`, which stands above this folder; a test holds them together. */
const NETWORK_ID = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/
const NODE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/
/** One part of a file name. `_mesh` belongs to the network keys. */
const NAMESPACE = /^(?!_mesh$)[A-Za-z0-9_][A-Za-z0-9_.:-]{0,31}$/

const malformed = (why: string, cause?: unknown): MeshError =>
  new MeshError('ERR_CERTIFICATE_MALFORMED', `malformed certificate: ${why}`, { cause })

const badField = (field: (typeof FIELDS)[number], wanted: string, cause?: unknown): MeshError =>
  malformed(`line ${FIELDS.indexOf(field) + 2} "${field}": expected ${wanted}`, cause)

const parseTime = (field: 'issued' | 'expires', value: string): Timestamp => {
  const time = parseTimestamp(value)
  if (time === undefined) throw badField(field, 'a time as 2026-01-31T12:00:00.000Z')
  return time
}

const parseKey = (value: string): PublicKey => {
  try {
    const key = publicKeyFromHex(value)
    if (key !== undefined) return key
  } catch (error) {
    if (!isMeshError(error)) throw error
    throw badField('key', `a usable ed25519 key, but ${error.message}`, error)
  }
  throw badField('key', '64 lower-case hex digits')
}

const parseNamespaces = (value: string): string[] => {
  const namespaces = value === 'none' ? [] : value.split(',')
  const fits = namespaces.every(
    (each, index) => NAMESPACE.test(each) && each > (namespaces[index - 1] ?? ''),
  )
  if (!fits || namespaces.length > MAX_CERTIFICATE_NAMESPACES || namespaces.includes('none')) {
    throw badField(
      'namespaces',
      `"none", or at most ${MAX_CERTIFICATE_NAMESPACES} names of at most ${MAX_CERTIFICATE_NAMESPACE_BYTES} of A-Z a-z 0-9 _ . : -, sorted, each once, joined by ","`,
    )
  }
  return namespaces
}

/** Years outside 0000 to 9999 have no spelling; what stands for them decodes to nothing. */
const encodeTime = (time: Timestamp): string =>
  Math.abs(time) <= MAX_DATE_MS ? formatTimestamp(time) : 'invalid'

const write = (certificate: NodeCertificate): string =>
  `${KIND}\n` +
  `network ${certificate.network}\n` +
  `name ${certificate.name}\n` +
  `key ${certificate.key}\n` +
  `issued ${encodeTime(certificate.issued)}\n` +
  `expires ${encodeTime(certificate.expires)}\n` +
  `namespaces ${certificate.namespaces.length === 0 ? 'none' : certificate.namespaces.join(',')}\n`

const split = (text: string): Record<(typeof FIELDS)[number], string> => {
  const lines = text.split('\n')
  if (lines[0] !== KIND) throw malformed(`line 1 is not "${KIND}"`)
  const value = (field: (typeof FIELDS)[number]): string => {
    const line = lines[FIELDS.indexOf(field) + 1] ?? ''
    if (!line.startsWith(`${field} `)) throw badField(field, `"${field}", a space and a value`)
    return line.slice(field.length + 1)
  }
  const values = {
    network: value('network'),
    name: value('name'),
    key: value('key'),
    issued: value('issued'),
    expires: value('expires'),
    namespaces: value('namespaces'),
  }
  if (lines.length !== FIELDS.length + 2) throw malformed(`it has not ${FIELDS.length + 1} lines`)
  return values
}

const decode = (text: string): NodeCertificate => {
  const values = split(text)
  if (!NETWORK_ID.test(values.network)) throw badField('network', 'a network id')
  if (!NODE_NAME.test(values.name)) {
    throw badField('name', `1 to ${MAX_NODE_NAME_BYTES} of A-Z a-z 0-9 _ . -, not . or - first`)
  }
  const certificate: NodeCertificate = {
    network: values.network,
    name: values.name,
    key: parseKey(values.key),
    issued: parseTime('issued', values.issued),
    expires: parseTime('expires', values.expires),
    namespaces: parseNamespaces(values.namespaces),
  }
  if (certificate.expires <= certificate.issued) throw malformed('it expires before it is issued')
  if (write(certificate) !== text) throw malformed('it is not in the one canonical spelling')
  return certificate
}

const readSignature = (text: string): SshSignature => {
  try {
    const signature = decodeSshsig(dearmorSshsig(text))
    if (armorSshsig(encodeSshsig(signature)) === text) return signature
  } catch (error) {
    if (!isMeshError(error)) throw error
    throw malformed(error.message, error)
  }
  throw malformed('its signature is not spelled as ssh-keygen spells it')
}

/**
 * Reads a certificate file without judging it.
 *
 * @throws MeshError `ERR_CERTIFICATE_MALFORMED`
 */
export const parseCertificate = (text: string): ParsedCertificate => {
  if (text.length > MAX_CERTIFICATE_BYTES) {
    throw malformed(`it is longer than ${MAX_CERTIFICATE_BYTES} bytes`)
  }
  const start = text.indexOf(ARMOR_START)
  if (start < 0) throw malformed('it has no SSH signature')
  const signedText = text.slice(0, start)
  const certificate = decode(signedText)
  const signature = readSignature(text.slice(start))
  if (signature.namespace !== CERTIFICATE_NAMESPACE) {
    throw malformed(`its signature is not for the namespace ${CERTIFICATE_NAMESPACE}`)
  }
  return { certificate, signer: signature.key, signedText, signature }
}

/**
 * Makes a certificate file.
 *
 * @throws MeshError `ERR_CERTIFICATE_MALFORMED` if a field breaks the rules.
 */
export const signCertificate = async (
  networkKey: SigningKey,
  certificate: NodeCertificate,
): Promise<string> => {
  const namespaces = [...new Set(certificate.namespaces)].sort()
  const signedText = write({ ...certificate, namespaces })
  // Nothing is signed that nobody would accept, or that would be read as something else.
  if (decode(signedText).namespaces.length !== namespaces.length) {
    throw badField('namespaces', 'names without "," and other than "none"')
  }
  const signature = await signSsh(networkKey, CERTIFICATE_NAMESPACE, utf8(signedText))
  const text = `${signedText}${armorSshsig(encodeSshsig(signature))}`
  parseCertificate(text)
  return text
}

/** What a certificate is judged by. */
export interface CertificateCheck {
  readonly network: string
  /** Any one of these may have signed it. */
  readonly networkKeys: readonly PublicKey[]
  /** The key that its bearer has proved to own. */
  readonly key?: PublicKey | undefined
  readonly nowMs: number
}

/**
 * The certificate, if it gives its bearer the right to be in the network now.
 *
 * @throws MeshError `ERR_CERTIFICATE_MALFORMED`, `ERR_CERTIFICATE_INVALID`,
 * `ERR_CERTIFICATE_MISMATCH`, `ERR_CERTIFICATE_EXPIRED`
 */
export const verifyCertificate = (
  text: string,
  { network, networkKeys, key, nowMs }: CertificateCheck,
): NodeCertificate => {
  const { certificate, signer, signedText, signature } = parseCertificate(text)
  const { name } = certificate
  if (certificate.network !== network) {
    throw new MeshError(
      'ERR_CERTIFICATE_MISMATCH',
      `the certificate of "${name}" is for the network ${certificate.network}, not ${network}`,
      { data: { name, network: certificate.network } },
    )
  }
  if (!networkKeys.includes(signer)) {
    throw new MeshError(
      'ERR_CERTIFICATE_INVALID',
      `the certificate of "${name}" is signed by ${signer}, which is not a key of the network`,
      { data: { name, signer } },
    )
  }
  if (!verifySsh(signature, utf8(signedText))) {
    throw new MeshError(
      'ERR_CERTIFICATE_INVALID',
      `the signature on the certificate of "${name}" is wrong: it was changed after signing`,
      { data: { name, signer } },
    )
  }
  if (key !== undefined && certificate.key !== key) {
    throw new MeshError(
      'ERR_CERTIFICATE_MISMATCH',
      `the certificate of "${name}" is for the key ${certificate.key}, not ${key}`,
      { data: { name, key: certificate.key } },
    )
  }
  if (nowMs >= certificate.expires) {
    throw new MeshError(
      'ERR_CERTIFICATE_EXPIRED',
      `the certificate of "${name}" expired at ${formatTimestamp(certificate.expires)}; renew it with "mesh certificate renew"`,
      { data: { name, expires: formatTimestamp(certificate.expires) } },
    )
  }
  return certificate
}
