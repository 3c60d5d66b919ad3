/**
 * Statement: one signed version of one file, as text that a person can read.
 *
 * Promises: pure functions, no I/O. A text decodes only if it equals its own encoding byte for byte,
 * so one statement has one id. See `docs/protocols/statement.md`.
 *
 * @packageDocumentation
 */
export { decodeSignedStatement, encodeSignedStatement } from './binary.ts'
export { MAX_SIGNED_STATEMENT_BYTES } from './binary.ts'
export { findNameClashes, isReservedName, parseFileName } from './file-name.ts'
export { MAX_NAME_BYTES, MAX_NAME_PART_BYTES } from './file-name.ts'
export { generateNetworkId, MAX_NETWORK_ID_BYTES, parseNetworkId } from './network-id.ts'
export { createSelection, isPattern, parsePattern, parseSelector, prefixOf } from './selector.ts'
export { compareCertificates, verifySigned, verifyStatementCertificate } from './signed.ts'
export { compareStatements, createSignedStatement, mergeSignatures, recordId } from './signed.ts'
export { MAX_SIGNATURES, signStatement, STATEMENT_NAMESPACE, verifyEntry } from './signed.ts'
export { entryFromSshSignature, entryToSshSignature } from './statement-file.ts'
export { formatStatementFile, MAX_STATEMENT_FILE_BYTES } from './statement-file.ts'
export { parseStatementFile } from './statement-file.ts'
export { decodeStatement, encodeStatement } from './text.ts'
export { MAX_CONTENT_BYTES, MAX_STATEMENT_BYTES } from './text.ts'
export type { NameClash } from './file-name.ts'
export type { NamePattern, Selection, Selector } from './selector.ts'
export type { FileName, NetworkId, Statement } from './types.ts'
export type { SignatureEntry, SignedStatement, StatementCertificate } from './types.ts'
