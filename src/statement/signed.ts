import { parseCertificate, SIGNATURE_BYTES, signSsh, verifySsh } from '../keys/index.ts'
import { isMeshError, MeshError } from '../errors/index.ts'
import { placedId, sha256, utf8 } from '../util/index.ts'
import { decodeStatement, encodeStatement } from './text.ts'
import type { SigningKey } from '../keys/index.ts'
import type { Digest } from '../util/index.ts'
import type { SignatureEntry, SignedStatement, Statement, StatementCertificate } from './types.ts'

/** Most signatures on one statement. Bounds what a peer can make us verify. */
export const MAX_SIGNATURES = 16
/** SSHSIG namespace of statements (`ssh-keygen -Y sign -n mesh-file`). */
export const STATEMENT_NAMESPACE = 'mesh-file'

const PLACE_LABEL = 'mesh-place 1'
const RECORD_LABEL = 'mesh-record 2'

const malformed = (why: string): MeshError =>
  new MeshError('ERR_STATEMENT_MALFORMED', `malformed signed statement: ${why}`)

const byKey = (a: SignatureEntry, b: SignatureEntry): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : 0

const build = (
  text: string,
  statement: Statement,
  signatures: readonly SignatureEntry[],
): SignedStatement => {
  if (signatures.length === 0) throw malformed('there is no signature')
  if (signatures.length > MAX_SIGNATURES) {
    throw malformed(`${signatures.length} signatures, at most ${MAX_SIGNATURES} may be`)
  }
  const sorted = [...signatures].sort(byKey)
  for (const [index, { key, signature }] of sorted.entries()) {
    if (sorted[index - 1]?.key === key) throw malformed(`two signatures by ${key}`)
    if (signature.length !== SIGNATURE_BYTES) {
      throw malformed(`a signature has ${signature.length} bytes, not ${SIGNATURE_BYTES}`)
    }
  }
  return { text, statement, id: sha256(text), signatures: sorted }
}

const readCertificate = (text: string): StatementCertificate => {
  try {
    return { ...parseCertificate(text), text }
  } catch (error) {
    if (!isMeshError(error)) throw error
    throw malformed(error.message)
  }
}

/**
 * A statement's text with its signatures and, for a namespace, its signer's certificate; none of
 * these is verified here.
 *
 * @throws MeshError `ERR_STATEMENT_MALFORMED`
 */
export const createSignedStatement = (
  text: string,
  signatures: readonly SignatureEntry[],
  certificate?: string,
): SignedStatement => {
  const signed = build(text, decodeStatement(text), signatures)
  return certificate === undefined
    ? signed
    : { ...signed, certificate: readCertificate(certificate) }
}

/** Encodes the statement and signs it with every key. */
export const signStatement = async (
  statement: Statement,
  keys: readonly SigningKey[],
): Promise<SignedStatement> => {
  const text = encodeStatement(statement)
  const signatures = await Promise.all(
    keys.map(async (key): Promise<SignatureEntry> => {
      const { signature } = await signSsh(key, STATEMENT_NAMESPACE, utf8(text))
      return { key: key.publicKey, signature }
    }),
  )
  return createSignedStatement(text, signatures)
}

/** Whether this entry's signature holds for the statement's exact text. */
export const verifyEntry = (
  { text }: SignedStatement,
  { key, signature }: SignatureEntry,
): boolean => verifySsh({ key, namespace: STATEMENT_NAMESPACE, signature }, utf8(text))

/** Whether the network key that is named in it signed the certificate. */
export const verifyStatementCertificate = ({
  signature,
  signedText,
}: StatementCertificate): boolean => verifySsh(signature, utf8(signedText))

/** Whether everything on a statement that can be checked without a configuration holds. */
export const verifySigned = (signed: SignedStatement): boolean =>
  signed.signatures.every((entry) => verifyEntry(signed, entry)) &&
  (signed.certificate === undefined || verifyStatementCertificate(signed.certificate))

/**
 * Orders two certificates of one key: the one issued later is greater, then the one that ends later,
 * then by their texts. No clock takes part. As a revocation is of those issued before a time, the
 * greatest is the last that loses its right.
 */
export const compareCertificates = (a: StatementCertificate, b: StatementCertificate): number =>
  a.certificate.issued - b.certificate.issued ||
  a.certificate.expires - b.certificate.expires ||
  (a.text < b.text ? -1 : a.text > b.text ? 1 : 0)

/**
 * Orders two statements of one name: by version, then time, then id. Positive: `a` wins. The time
 * is the signer's and is never compared with a local clock.
 */
export const compareStatements = (a: SignedStatement, b: SignedStatement): number =>
  a.statement.version - b.statement.version ||
  a.statement.time - b.statement.time ||
  (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

/**
 * One statement with the signatures of both. Where both have one by the same key, `a`'s stays.
 * Verify and drop the signatures of strangers first: they would fill the places of others.
 *
 * @throws MeshError `ERR_STATEMENT_MALFORMED` if the texts differ or the signatures are too many.
 */
export const mergeSignatures = (a: SignedStatement, b: SignedStatement): SignedStatement => {
  if (a.text !== b.text) throw malformed('signatures of different statements cannot be merged')
  const keys = new Set(a.signatures.map(({ key }) => key))
  const added = b.signatures.filter(({ key }) => !keys.has(key))
  if (added.length === 0) return a
  return { ...a, ...build(a.text, a.statement, [...a.signatures, ...added]) }
}

/**
 * Identifies what replicates: the text together with who signed it, and the certificate where one
 * belongs to it. The signature bytes are left out: a key can make several valid ones, which would be
 * several records of one fact. Its first 8 bytes are of the name and the signers alone, so that a new
 * version lies where the old one lay, and no signer chooses where that is.
 */
export const recordId = ({ id, statement, signatures, certificate }: SignedStatement): Digest => {
  const signers = signatures.map(({ key }) => `${key}\n`).join('')
  const last = certificate === undefined ? '' : `certificate ${sha256(certificate.signedText)}\n`
  return placedId(
    `${PLACE_LABEL}\n${statement.name}\n${signers}`,
    `${RECORD_LABEL}\n${id}\n${signers}${last}`,
  )
}
