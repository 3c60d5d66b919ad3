import { isMeshError } from '../errors/index.ts'
import { MAX_CERTIFICATE_BYTES, parseCertificate } from '../keys/index.ts'
import { utf8 } from '../util/index.ts'
import { MAX_CERTIFICATES_FILE_BYTES, MAX_LISTED_CERTIFICATES } from './limits.ts'
import { malformed, readHead, readText, writeHead } from './lines.ts'
import { CERTIFICATES_FILE } from './names.ts'
import type { NodeCertificate, PublicKey } from '../keys/index.ts'
import type { NetworkId } from '../statement/index.ts'

/** One certificate of the list; parsed, and not verified: whoever uses it does that. */
export interface ListedCertificate {
  readonly certificate: NodeCertificate
  /** The whole certificate file. */
  readonly text: string
}

/** What `_mesh/certificates` says. */
export interface CertificateList {
  readonly network: NetworkId
  /** One for each key, sorted by key. */
  readonly certificates: ReadonlyMap<PublicKey, ListedCertificate>
}

const KIND = 'mesh-certificates 1'
const ARMOR_END = '-----END SSH SIGNATURE-----\n'

const readOne = (text: string, at: number): ListedCertificate => {
  try {
    return { certificate: parseCertificate(text).certificate, text }
  } catch (error) {
    if (!isMeshError(error)) throw error
    throw malformed(CERTIFICATES_FILE, `certificate ${at}: ${error.message}`, error)
  }
}

function* split(rest: string): Generator<string> {
  for (let at = 0; at < rest.length; ) {
    const end = rest.indexOf(ARMOR_END, at)
    if (end < 0 || end - at > MAX_CERTIFICATE_BYTES) {
      throw malformed(
        CERTIFICATES_FILE,
        `a certificate does not end within ${MAX_CERTIFICATE_BYTES} bytes`,
      )
    }
    const next = end + ARMOR_END.length
    yield rest.slice(at, next)
    at = next
  }
}

/** @throws MeshError `ERR_TRUST_MALFORMED` */
export const decodeCertificates = (bytes: Uint8Array): CertificateList => {
  const text = readText(CERTIFICATES_FILE, bytes, MAX_CERTIFICATES_FILE_BYTES)
  const { network, rest } = readHead(CERTIFICATES_FILE, KIND, text)
  const certificates = new Map<PublicKey, ListedCertificate>()
  let before = ''
  for (const each of split(rest)) {
    const count = certificates.size + 1
    if (count > MAX_LISTED_CERTIFICATES) {
      throw malformed(CERTIFICATES_FILE, `it has more than ${MAX_LISTED_CERTIFICATES} certificates`)
    }
    const listed = readOne(each, count)
    const { key, name } = listed.certificate
    if (listed.certificate.network !== network) {
      const why = `the certificate of "${name}" is for the network ${listed.certificate.network}`
      throw malformed(CERTIFICATES_FILE, why)
    }
    if (key <= before) {
      throw malformed(
        CERTIFICATES_FILE,
        `the certificate of "${name}" is not in the order of keys, each once`,
      )
    }
    before = key
    certificates.set(key, listed)
  }
  return { network, certificates }
}

/**
 * The file with these certificates, in whatever order they come; of two for one key, the last.
 *
 * @throws MeshError `ERR_TRUST_MALFORMED` if nobody would read it
 */
export const encodeCertificates = (
  network: NetworkId,
  certificates: Iterable<ListedCertificate>,
): Uint8Array => {
  const byKey = new Map([...certificates].map((each) => [each.certificate.key, each.text]))
  const texts = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text)
  const bytes = utf8(writeHead(KIND, network) + texts.join(''))
  decodeCertificates(bytes)
  return bytes
}
