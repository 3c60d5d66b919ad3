import { SIGNATURE_BYTES, signSsh, verifySsh } from '../keys/index.ts'
import { MeshError } from '../errors/index.ts'
import { sha256, utf8 } from '../util/index.ts'
import { decodeStatement, encodeStatement } from './text.ts'
import type { SigningKey } from '../keys/index.ts'
import type { Digest } from '../util/index.ts'
import type { SignatureEntry, SignedStatement, Statement } from './types.ts'

/** Most signatures on one statement. Bounds what a peer can make us verify. */
export const MAX_SIGNATURES = 16
/** SSHSIG namespace of statements (`ssh-keygen -Y sign -n mesh-file`). */
export const STATEMENT_NAMESPACE = 'mesh-file'

const RECORD_LABEL = 'mesh-record 1'

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

/**
 * A statement's text with its signatures, which are not verified here.
 *
 * @throws MeshError `ERR_STATEMENT_MALFORMED`
 */
export const createSignedStatement = (
  text: string,
  signatures: readonly SignatureEntry[],
): SignedStatement => build(text, decodeStatement(text), signatures)

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
  return added.length === 0 ? a : build(a.text, a.statement, [...a.signatures, ...added])
}

/**
 * Identifies what replicates: the text together with who signed it. The signature bytes are left
 * out: a key can make several valid ones, which would be several records of one fact.
 */
export const recordId = ({ id, signatures }: SignedStatement): Digest =>
  sha256(`${RECORD_LABEL}\n${id}\n${signatures.map(({ key }) => `${key}\n`).join('')}`)
