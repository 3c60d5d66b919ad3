import type { EventEmitter } from 'node:events'
import type { MeshError } from '../errors/index.ts'
import type { PeerId, PublicKey } from '../keys/index.ts'
import type { FileName, Selector, SignedStatement } from '../statement/index.ts'
import type { IdTree } from '../tree/index.ts'
import type { Digest } from '../util/index.ts'

/** What this node's configuration says about one file. */
export interface FilePolicy {
  readonly name: FileName
  /** Any one of these may sign. At least one. */
  readonly signers: readonly PublicKey[]
  /** Larger content is neither taken as an upload nor fetched. */
  readonly maxSizeBytes: number
  /** Permission bits of the shown file, as 0o644. */
  readonly mode: number
}

/** Where a statement comes from. Uploads are told at once when they would lose; peers are not. */
export type Origin =
  | { readonly kind: 'upload' /** Allows a jump of versions. */; readonly force?: boolean }
  | { readonly kind: 'peer'; readonly peer: PeerId }

/** The whole content in pieces; read at most once, never past the size that the statement names. */
export type ContentSource = AsyncIterable<Uint8Array>

/**
 * What of a file is to be seen. `shown`: complete on disk. `missing`: the winner's content is not
 * here yet. `too-large`: the winner's content is above our limit and is not fetched. `none`: nobody
 * published it yet.
 */
export type FileState = 'shown' | 'missing' | 'too-large' | 'deleted' | 'expired' | 'none'

/** One kept statement: what replicates. */
export interface FileRecord {
  /** Digest of the text and its sorted signers; grows a new id when a signature is added. */
  readonly id: Digest
  readonly signed: SignedStatement
}

/** One configured name as it stands now. */
export interface FileView {
  readonly name: FileName
  readonly state: FileState
  readonly policy: FilePolicy
  /** The winner, if there is any statement. */
  readonly winner?: FileRecord
  /** Whether another kept statement has the winner's version and another id. */
  readonly conflict: boolean
  /** Wall clock when the winner was shown here, ms since the epoch; survives restarts. */
  readonly shownAtMs?: number
  /**
   * An older version that stays to be seen until the winner's content is here, while the state is
   * `missing` or `too-large`.
   */
  readonly shownMeanwhile?: FileRecord
}

export type Verdict =
  | {
      /** `stored`: something changed (statement, signature or content). `known`: nothing did. */
      readonly outcome: 'stored' | 'known'
      readonly record: FileRecord
      /** Whether this statement now wins. */
      readonly wins: boolean
      /** Whether it wins, has content that is wanted, and the content is not here. */
      readonly contentMissing: boolean
    }
  | {
      /** Nothing was stored. `error.code` tells honest disagreement from malice. */
      readonly outcome: 'refused'
      readonly error: MeshError
    }

export interface AcceptOptions {
  readonly signal?: AbortSignal
}

export interface FilesEvents {
  /** A statement or a signature was stored. `contentHere`: a holder can be asked for the content. */
  record: [{ record: FileRecord; from: Origin; contentHere: boolean }]
  /** Content that was missing is here and shown. */
  content: [{ record: FileRecord; from: Origin }]
  /** The view of a name changed in any way (also by expiry or reload). */
  change: [{ name: FileName }]
}

export interface Files {
  readonly events: EventEmitter<FilesEvents>
  /** Loads, finishes what a crash interrupted, starts verification and expiry. */
  start(): Promise<void>
  stop(): Promise<void>

  /**
   * Takes in one signed statement, with its content or without. An upload must bring its content
   * unless it is a tombstone; a peer may leave it out, and calls again when it has been fetched.
   * Policy, order and size are judged before the first byte of content is read.
   * Rejects only on abort (`ERR_ABORTED`), a full disk or an unusable one; every other failure
   * is a verdict.
   */
  accept(
    signed: SignedStatement,
    content: ContentSource | undefined,
    from: Origin,
    options?: AcceptOptions,
  ): Promise<Verdict>

  /** `undefined` if the name is not configured. */
  view(name: FileName): FileView | undefined
  /** All configured names in order; with `state`, those in it. */
  list(options?: { state?: FileState }): Iterable<FileView>
  /** How many configured names are in each state. */
  counts(): Readonly<Record<FileState, number>>
  /** Statements seen for a name, the winner first, then by order; losers stay for the record. */
  history(name: FileName): readonly FileRecord[]

  /**
   * The shown content, verified since the start of this process; `undefined` if nothing is shown.
   * With `digest`, only that content. What is opened is one version: if it is replaced before
   * `stream` begins, that fails with `ERR_FILE_CONTENT_MISSING`, and afterwards it does not matter.
   */
  open(
    name: FileName,
    options?: { digest?: Digest; signal?: AbortSignal },
  ): Promise<OpenFile | undefined>

  /** Ids of all kept statements that the policy of now allows, with their names; in id order. */
  index(): Iterable<{ readonly id: Digest; readonly name: FileName }>
  record(id: Digest): FileRecord | undefined
  /** Whether `index` has this id. */
  has(id: Digest): boolean
  /** The ids of `index` as a tree of hashes. */
  readonly tree: IdTree
  /** The name of an id of `index`. */
  nameOf(id: Digest): FileName | undefined
  /** The root of `tree`; equal on nodes in step. */
  digest(): Digest
  /** Whether this node is configured for the name, by itself or by a pattern. */
  wants(name: FileName): boolean
  /**
   * What this node is configured for, as the file says it: names and patterns, sorted by their bytes,
   * each once. Nodes with equal lists want the same; `createSelection` asks names against a list.
   */
  selectors(): readonly Selector[]
  /** Names that are configured by themselves, and those known of patterns; sorted. */
  names(): readonly FileName[]

  /** Replaces all policies; what they forbid is set aside and what they allow again returns. */
  reload(policies: readonly FilePolicy[]): Promise<void>
}

export interface OpenFile {
  readonly record: FileRecord
  readonly sizeBytes: number
  /** Bytes from `start` to `end` (exclusive). */
  stream(options?: { start?: number; end?: number; signal?: AbortSignal }): ContentSource
}
