import {
  MAX_STATEMENT_FILE_BYTES,
  mergeSignatures,
  parseStatementFile,
} from '../statement/index.ts'
import { signStatement, verifyEntry } from '../statement/index.ts'
import { formatStatementFile } from '../statement/index.ts'
import { MeshError } from '../errors/index.ts'
import { formatPublicKey } from '../keys/index.ts'
import { readSmallFile } from './content.ts'
import { writeOutput } from './output.ts'
import { printJson } from './print.ts'
import type { PublicKey, SigningKey } from '../keys/index.ts'
import type { SignedStatement, Statement } from '../statement/index.ts'
import type { Context } from './context.ts'
import type { ReadOptions } from './print.ts'

const STATEMENT_MODE = 0o644

/** @throws MeshError `ERR_INPUT_UNREADABLE`, `ERR_STATEMENT_MALFORMED`, … */
export const readStatementFile = async (path: string): Promise<SignedStatement> =>
  parseStatementFile(await readSmallFile(path, MAX_STATEMENT_FILE_BYTES))

/** Writes a `.stmt` file; `-` is standard output. */
export const writeStatementFile = async (
  path: string,
  signed: SignedStatement,
  force: boolean,
  { out, random }: Context,
): Promise<void> => {
  const text = formatStatementFile(signed)
  if (path === '-') return out.write(text)
  await writeOutput(path, text, { mode: STATEMENT_MODE, force }, random)
}

/**
 * Checks that every signature holds for the text.
 *
 * @throws MeshError `ERR_SIGNATURE_INVALID`
 */
export const requireValidSignatures = (signed: SignedStatement): void => {
  for (const entry of signed.signatures) {
    if (verifyEntry(signed, entry)) continue
    const key = formatPublicKey(entry.key, 'openssh')
    const message = `the signature by ${key} is wrong: the statement was changed after signing`
    throw new MeshError('ERR_SIGNATURE_INVALID', message)
  }
}

/**
 * Checks that one of `signers` signed, and gives those that did.
 *
 * @throws MeshError `ERR_SIGNATURE_INVALID`, `ERR_FILE_SIGNER_NOT_ALLOWED`
 */
export const requireSigner = (
  signed: SignedStatement,
  signers: readonly PublicKey[],
): PublicKey[] => {
  requireValidSignatures(signed)
  const trusted = signed.signatures.flatMap(({ key }) => (signers.includes(key) ? [key] : []))
  if (trusted.length > 0) return trusted
  const by = signed.signatures.map(({ key }) => formatPublicKey(key, 'openssh')).join(', ')
  throw new MeshError('ERR_FILE_SIGNER_NOT_ALLOWED', `signed by ${by}, and by no --signer`)
}

/** The statement with further signatures. */
export const addSignatures = async (
  signed: SignedStatement,
  keys: readonly SigningKey[],
): Promise<SignedStatement> => {
  requireValidSignatures(signed)
  return mergeSignatures(signed, await signStatement(signed.statement, keys))
}

/** `app.conf version 3, sha256 …`. */
export const describeStatement = ({ name, version, content }: Statement): string =>
  content === 'deleted'
    ? `deletion of ${name}, version ${version}`
    : `${name} version ${version}, sha256 ${content.digest}`

/** Says what was made, where nothing is uploaded; nothing where the statement itself went to standard output. */
export const reportStatement = async (
  { id, statement: { name, version } }: SignedStatement,
  path: string | undefined,
  { json }: ReadOptions,
  context: Context,
): Promise<void> => {
  if (path === undefined || path === '-') return
  if (json === true) {
    return printJson(context, 'mesh-file-statement/1', { name, version, id, statement: path })
  }
  await context.out.line(`${name} version ${version} is signed in ${path}; nothing was uploaded`)
}
