/**
 * Statement: one signed version of one file, as text that a person can read.
 *
 * Promises: pure functions, no I/O. A text decodes only if it equals its own encoding byte for byte,
 * so one statement has one id. See `docs/protocols/statement.md`.
 *
 * @packageDocumentation
 */
export type { FileName, NetworkId, Statement } from './types.ts'
export type { SignatureEntry, SignedStatement } from './types.ts'
