import { isMeshError, MeshError } from '../errors/index.ts'
import { formatTimestamp, parseTimestamp } from '../util/index.ts'
import { publicKeyFromHex } from './public-key.ts'
import type { Timestamp } from '../util/index.ts'
import type { PublicKey } from './types.ts'

/** Longest node name. */
export const MAX_NODE_NAME_BYTES = 64
/** Most namespaces in one certificate, and the longest one: all of them fit into the file. */
export const MAX_CERTIFICATE_NAMESPACES = 8
export const MAX_CERTIFICATE_NAMESPACE_BYTES = 32

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

/** Largest time that a Date takes. */
const MAX_DATE_MS = 8.64e15

const KIND = 'mesh-certificate 1'
const FIELDS = ['network', 'name', 'key', 'issued', 'expires', 'namespaces'] as const
/** The rule of `parseNetworkId`, which stands above this folder; a test holds them together. */
const NETWORK_ID = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/
const NODE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/
/** One part of a file name. `_mesh` belongs to the network keys. */
const NAMESPACE = /^(?!_mesh$)[A-Za-z0-9_][A-Za-z0-9_.:-]{0,31}$/

export const malformedCertificate = (why: string, cause?: unknown): MeshError =>
  new MeshError('ERR_CERTIFICATE_MALFORMED', `malformed certificate: ${why}`, { cause })

/** The error for one line: which one, and what it may say. */
export const badField = (
  field: (typeof FIELDS)[number],
  wanted: string,
  cause?: unknown,
): MeshError =>
  malformedCertificate(`line ${FIELDS.indexOf(field) + 2} "${field}": expected ${wanted}`, cause)

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

/** The lines that are signed. */
export const encodeCertificate = (certificate: NodeCertificate): string =>
  `${KIND}\n` +
  `network ${certificate.network}\n` +
  `name ${certificate.name}\n` +
  `key ${certificate.key}\n` +
  `issued ${encodeTime(certificate.issued)}\n` +
  `expires ${encodeTime(certificate.expires)}\n` +
  `namespaces ${certificate.namespaces.length === 0 ? 'none' : certificate.namespaces.join(',')}\n`

const split = (text: string): Record<(typeof FIELDS)[number], string> => {
  const lines = text.split('\n')
  if (lines[0] !== KIND) throw malformedCertificate(`line 1 is not "${KIND}"`)
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
  if (lines.length !== FIELDS.length + 2)
    throw malformedCertificate(`it has not ${FIELDS.length + 1} lines`)
  return values
}

/** The certificate that exactly these lines encode. */
export const decodeCertificate = (text: string): NodeCertificate => {
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
  if (certificate.expires <= certificate.issued)
    throw malformedCertificate('it expires before it is issued')
  if (encodeCertificate(certificate) !== text)
    throw malformedCertificate('it is not in the one canonical spelling')
  return certificate
}
