import { MeshError } from '../errors/index.ts'
import { armorSshsig, dearmorSshsig, decodeSshsig, encodeSshsig } from '../keys/index.ts'
import { MAX_CERTIFICATE_BYTES, MAX_SSHSIG_TEXT_BYTES } from '../keys/index.ts'
import { createSignedStatement, MAX_SIGNATURES, STATEMENT_NAMESPACE } from './signed.ts'
import { show } from './show.ts'
import { MAX_STATEMENT_BYTES } from './text.ts'
import type { SshSignature } from '../keys/index.ts'
import type { SignatureEntry, SignedStatement } from './types.ts'

/** Longest `.stmt` file: a text, its signatures, and a certificate. */
export const MAX_STATEMENT_FILE_BYTES =
  MAX_STATEMENT_BYTES + MAX_SIGNATURES * MAX_SSHSIG_TEXT_BYTES + MAX_CERTIFICATE_BYTES

/** Begins a certificate at the end of the file; no armored line can be like it. */
const CERTIFICATE_START = '\nmesh-certificate 1\n'
const ARMOR_START = '-----BEGIN SSH SIGNATURE-----'

const malformed = (why: string): MeshError =>
  new MeshError('ERR_STATEMENT_MALFORMED', `malformed statement file: ${why}`)

/** The entry as an SSH signature of the statement's text. */
export const entryToSshSignature = ({ key, signature }: SignatureEntry): SshSignature => ({
  key,
  namespace: STATEMENT_NAMESPACE,
  signature,
})

/**
 * An SSH signature as an entry.
 *
 * @throws MeshError `ERR_SSHSIG_MALFORMED` if it was made for another purpose.
 */
export const entryFromSshSignature = ({
  key,
  namespace,
  signature,
}: SshSignature): SignatureEntry => {
  if (namespace === STATEMENT_NAMESPACE) return { key, signature }
  throw new MeshError(
    'ERR_SSHSIG_MALFORMED',
    `the signature is for the namespace ${show(namespace)}; sign with "ssh-keygen -Y sign -n ${STATEMENT_NAMESPACE}"`,
  )
}

/**
 * The `.stmt` file: the exact text, then one armored signature for each signer, then the certificate
 * if there is one. Cut before the first `-----BEGIN`, it is what `ssh-keygen -Y verify` checks each of
 * the blocks against.
 */
export const formatStatementFile = ({ text, signatures, certificate }: SignedStatement): string =>
  text +
  signatures.map((entry) => armorSshsig(encodeSshsig(entryToSshSignature(entry)))).join('') +
  (certificate?.text ?? '')

/**
 * Reads a `.stmt` file. The signatures may be in any order, so that a file can be put together with
 * `cat`; they are not verified here.
 *
 * @throws MeshError `ERR_STATEMENT_MALFORMED`, `ERR_SSHSIG_MALFORMED`, `ERR_KEY_MALFORMED`,
 * `ERR_KEY_WEAK`
 */
export const parseStatementFile = (text: string): SignedStatement => {
  if (text.length > MAX_STATEMENT_FILE_BYTES) {
    throw malformed(`it is longer than ${MAX_STATEMENT_FILE_BYTES} bytes`)
  }
  const end = text.indexOf(CERTIFICATE_START)
  const certificate = end < 0 ? undefined : text.slice(end + 1)
  const [statement = '', ...blocks] = text
    .slice(0, end < 0 ? undefined : end + 1)
    .split(ARMOR_START)
  if (blocks.length === 0) throw malformed('no SSH signature follows the statement')
  if (blocks.length > MAX_SIGNATURES) throw malformed(`more than ${MAX_SIGNATURES} signatures`)
  const entries = blocks.map((block) =>
    entryFromSshSignature(decodeSshsig(dearmorSshsig(`${ARMOR_START}${block}`))),
  )
  return createSignedStatement(statement, entries, certificate)
}
