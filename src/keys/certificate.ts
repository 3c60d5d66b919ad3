import { isMeshError, MeshError } from '../errors/index.ts'
import { formatTimestamp, utf8 } from '../util/index.ts'
import { badField, decodeCertificate, encodeCertificate } from './certificate-text.ts'
import { malformedCertificate as malformed } from './certificate-text.ts'
import { armorSshsig, dearmorSshsig, decodeSshsig, encodeSshsig } from './sshsig.ts'
import { signSsh, verifySsh } from './sshsig.ts'
import type { NodeCertificate } from './certificate-text.ts'
import type { SshSignature } from './sshsig.ts'
import type { PublicKey, SigningKey } from './types.ts'

/** Whole certificate file. Bounds what a stranger can make us read before it is let in. */
export const MAX_CERTIFICATE_BYTES = 2 ** 10
/** SSHSIG namespace of certificates (`ssh-keygen -Y sign -n mesh-certificate`). */
export const CERTIFICATE_NAMESPACE = 'mesh-certificate'

/** A certificate as read, not yet verified. */
export interface ParsedCertificate {
  readonly certificate: NodeCertificate
  readonly signer: PublicKey
  /** The exact lines that are signed. */
  readonly signedText: string
  readonly signature: SshSignature
}

const ARMOR_START = '-----BEGIN SSH SIGNATURE-----\n'

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
  const certificate = decodeCertificate(signedText)
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
  const signedText = encodeCertificate({ ...certificate, namespaces })
  // Nothing is signed that nobody would accept, or that would be read as something else.
  if (decodeCertificate(signedText).namespaces.length !== namespaces.length) {
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
      `the certificate of "${name}" expired at ${formatTimestamp(certificate.expires)}; sign a new one with "mesh certificate sign"`,
      { data: { name, expires: formatTimestamp(certificate.expires) } },
    )
  }
  return certificate
}
