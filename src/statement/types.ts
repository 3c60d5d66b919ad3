import type { ParsedCertificate, PublicKey } from '../keys/index.ts'
import type { Digest, Timestamp } from '../util/index.ts'

/** A name that follows the rules: parts of `[A-Za-z0-9_.:-]` joined by `/`. */
export type FileName = string & { readonly fileName: unique symbol }

/** Stable id of a network: 1 to 64 of `[a-z0-9-]`, not starting or ending with a dash. */
export type NetworkId = string & { readonly networkId: unique symbol }

/** What a signer says about one version of one file. Field by field in docs/protocols/statement.md. */
export interface Statement {
  readonly network: NetworkId
  readonly name: FileName
  /** 1 for the first; at most 2^53 − 1. */
  readonly version: number
  /** The signer's clock. Breaks ties between equal versions; never compared with ours. */
  readonly time: Timestamp
  readonly expires: Timestamp | 'never'
  /** Id of the statement it replaces. Informs about conflicts, never decides validity. */
  readonly replaces: Digest | 'none'
  /** The whole content, or a tombstone. */
  readonly content: { readonly digest: Digest; readonly sizeBytes: number } | 'deleted'
  /** Digest of the block list. */
  readonly blocks: Digest | 'none'
}

/** One signature on a statement: raw ed25519 over the SSHSIG envelope (namespace `mesh-file`, sha512). */
export interface SignatureEntry {
  readonly key: PublicKey
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** The node certificate that a statement of a namespace is signed under, as it was read. */
export interface StatementCertificate extends ParsedCertificate {
  /** The exact file. */
  readonly text: string
}

/** A statement, its exact text, and at least one signature; not yet verified. */
export interface SignedStatement {
  readonly text: string
  readonly statement: Statement
  /** SHA-256 of `text`. */
  readonly id: Digest
  /** Sorted by key, one per key, 1 to 16. */
  readonly signatures: readonly SignatureEntry[]
  /** Travels with statements of namespaces; not verified yet. */
  readonly certificate?: StatementCertificate
}
