import type { EventEmitter } from 'node:events'
import type { BlockList } from '../chunk/index.ts'
import type { ErrorCode, ErrorData, MeshError } from '../errors/index.ts'
import type { PeerId, PublicKey } from '../keys/index.ts'
import type { FileName, NetworkId, Selector, SignedStatement } from '../statement/index.ts'
import type { IdTree } from '../tree/index.ts'
import type { Digest } from '../util/index.ts'

/** What this node's configuration says about one file, or about all that match a pattern. */
export interface FilePolicy {
  readonly name: Selector
  /** Who may sign; at least one, unless `self` is there. */
  readonly signers: readonly PublicKey[]
  /** Signatures by different signers that one statement needs. @default 1 */
  readonly threshold?: number
  /** Without one of these, nobody deletes or changes the expiry. @default everybody may */
  readonly deleteSigners?: readonly PublicKey[]
  /**
   * For a pattern `<namespace>/*`: each node whose certificate, signed by one of these network keys,
   * names the namespace may sign `<namespace>/<its key in hex>`, and nobody else may.
   */
  readonly self?: {
    readonly network: NetworkId
    readonly networkKeys: readonly PublicKey[]
    /**
     * Keys of nodes whose certificates do not count: all of them, or those issued before a time, ms
     * since the epoch. What they signed is set aside, as what a withdrawn signer signed.
     */
    readonly revoked?: ReadonlyMap<PublicKey, 'all' | number>
  }
  /** Larger content is neither taken as an upload nor fetched. */
  readonly maxSizeBytes: number
  /** Permission bits of the shown file, as 0o644. */
  readonly mode: number
  /** Versions whose content is kept, the current one included; at least 1. @default 5 */
  readonly history?: number
  /** Lower versions are not shown and not taken as uploads. @default 1 */
  readonly minVersion?: number
  /** Absolute path of a file outside the state directory that is shown until the first delivery. */
  readonly fallbackPath?: string
  /** How long older content stays after a tombstone. @default 0 */
  readonly purgeAfterMs?: number
  /** Program and arguments that run when what is to be seen of the file changes. */
  readonly onChange?: readonly string[]
  /** Media type of the content over HTTP. @default by the name's extension */
  readonly contentType?: string
  /** The content is an archive, which is shown unpacked as well. Not the matter of this folder. */
  readonly unpack?: 'tar'
  /** Of a pattern: names that one set of signers may use. @default 1000 */
  readonly maxFiles?: number
}

/** Where a statement comes from. Uploads are told at once when they would lose; peers are not. */
export type Origin =
  | {
      readonly kind: 'upload'
      /** Allows a jump of versions. */
      readonly force?: boolean
      /**
       * Asked when the signatures hold, and again before anything is stored: why what wins now is not
       * what the upload is meant to replace. Not asked if the very statement is there already.
       */
      readonly expects?: (winner: FileRecord | undefined) => MeshError | undefined
    }
  | { readonly kind: 'peer'; readonly peer: PeerId }

/** The whole content in pieces; read at most once, never past the size that the statement names. */
export type ContentSource = AsyncIterable<Uint8Array>

/**
 * The whole content as a file that was put together below the state directory: each block was checked
 * against the statement's list, and all of it is on the disk. It is taken over by a rename, or left
 * where it is.
 */
export interface AssembledContent {
  /** Relative to the state directory. */
  readonly path: string
  readonly sizeBytes: number
  /** Digest of the block list that it was checked against. */
  readonly blocks: Digest
}

/** What comes with a statement. */
export type OfferedContent = ContentSource | AssembledContent

/**
 * What of a file is to be seen. `shown`: complete on disk. `missing`: the winner's content is not
 * here yet. `too-large`: the winner's content is above our limit and is not fetched. `too-old`: the
 * winner is below the lowest version that this node shows. `none`: nobody published it yet.
 */
export type FileState =
  | 'shown'
  | 'missing'
  | 'too-large'
  | 'too-old'
  | 'deleted'
  | 'expired'
  | 'none'

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
   * `missing`, `too-large` or `too-old`.
   */
  readonly shownMeanwhile?: FileRecord
  /** The fallback of the policy is what is to be seen, because nothing was ever delivered. */
  readonly fallbackShown?: true
}

/** One name under the policies of now and under others; `undefined`: not wanted. */
export interface FileChange {
  readonly name: FileName
  readonly before: FileView | undefined
  readonly after: FileView | undefined
}

/** A statement that was refused, for whatever reason. */
export interface Refusal {
  /** Its id. */
  readonly statement: Digest
  readonly version: number
  /** As it said; not verified. */
  readonly signers: readonly PublicKey[]
  readonly code: ErrorCode
  readonly message: string
  readonly data: ErrorData
  readonly from: Origin
  /** Wall clock, ms since the epoch. */
  readonly atMs: number
}

/** A selector that begins as a name does, and does not cover it. */
export interface NotCovered {
  readonly selector: Selector
  /**
   * `slash`: the star stands for no `/`. `nothing-for-star`: it stands for one character at least.
   * `not-a-key`: names of a namespace end in the key of their node. `directory`: the name would have to be
   * a directory of what the selector selects, and `below-file` the other way round.
   */
  readonly why: 'slash' | 'nothing-for-star' | 'not-a-key' | 'directory' | 'below-file'
}

/** How much of a pattern is in use. */
export interface PatternUse {
  readonly selector: Selector
  readonly maxFiles: number
  /** The node that may write the name, in a namespace. */
  readonly owner?: PublicKey
  /** Who has how many names under it; in a namespace all together. The most first, and not all of many. */
  readonly uses: readonly {
    /** Empty: all of a namespace. */
    readonly signers: readonly PublicKey[]
    readonly names: number
    /** Whether this name is one of them. */
    readonly hasThis: boolean
  }[]
}

/** What this node knows about why a name is as it is, beside its view. */
export interface FileExplanation {
  /** What the name is configured by; `undefined`: it is not. */
  readonly selector?: Selector
  /** If it is not configured: the configured name that is most like it. */
  readonly nearest?: Selector
  /** If it is not configured: the selector that all but covers it. */
  readonly notCovered?: NotCovered
  /** If it is configured by a pattern: what is used of it. */
  readonly pattern?: PatternUse
  /** What was refused last, the last first; only of this run of the daemon. */
  readonly refusals: readonly Refusal[]
  /** Statements above the winner that are kept and do not count. */
  readonly setAside: readonly {
    readonly version: number
    readonly signers: readonly PublicKey[]
    /**
     * `signers`: not allowed any more, or too few. `revoked`: by a network key. `expiry`: not one that
     * a delete signer set.
     */
    readonly why: 'signers' | 'revoked' | 'expiry'
  }[]
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
  /** The view of a name changed in any way (also by expiry or reload); `undefined`: not configured. */
  change: [FileChange]
  /** A statement was refused, for a reason that was not told of it before. */
  refused: [Refusal & { name: FileName }]
  /** Content was read, checked and put away, and these are its blocks. */
  listed: [{ name: FileName; digest: Digest; list: BlockList }]
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
    content: OfferedContent | undefined,
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

  explain(name: FileName): FileExplanation
  /**
   * The content of a remembered version, as {@link Files.history} lists them, if it is still here.
   * Reads it once to be sure of it.
   */
  openVersion(
    name: FileName,
    statement: Digest,
    options?: { signal?: AbortSignal },
  ): Promise<OpenFile | undefined>
  /** Somebody found what is shown of the name damaged: it is read, and taken away if that is so. */
  distrust(name: FileName): Promise<void>
  /**
   * Where this content of a name lies now, shown or kept, below the state directory; not yet verified.
   * With `fingerprint`: the file that is there unless somebody touched it.
   */
  locate(
    name: FileName,
    digest: Digest,
  ): Promise<{ readonly path: string; readonly fingerprint?: string } | undefined>
  /** Whether the content of a remembered version is here; not yet verified. */
  holdsContent(record: FileRecord): Promise<boolean>

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

  /**
   * What `reload` with these policies would change: every name whose policy differs, as it is and as
   * it would be. Content is not looked for: the state of `after` is the one of now.
   */
  preview(policies: readonly FilePolicy[]): readonly FileChange[]
  /** Replaces all policies; what they forbid is set aside and what they allow again returns. */
  reload(policies: readonly FilePolicy[]): Promise<void>
}

export interface OpenFile {
  readonly record: FileRecord
  readonly sizeBytes: number
  /** Bytes from `start` to `end` (exclusive). */
  stream(options?: { start?: number; end?: number; signal?: AbortSignal }): ContentSource
}
