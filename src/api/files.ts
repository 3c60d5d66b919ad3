/** One version of a file. */
export interface VersionBody {
  /** Statement id. */
  readonly id: string
  readonly version: number
  readonly time: string
  /** A time or `never`. */
  readonly expires: string
  readonly replaces: string | null
  /** `null`: a tombstone. */
  readonly content: {
    readonly sha256: string
    readonly sizeBytes: number
    /** Digest of the block list; `null`: the content has none. */
    readonly blocks: string | null
  } | null
  readonly signers: readonly string[]
}

export type FileStateBody =
  | 'shown'
  | 'missing'
  | 'too-large'
  | 'too-old'
  | 'deleted'
  | 'expired'
  | 'none'

/** One entry of GET /files. */
export interface FileBody {
  readonly name: string
  readonly state: FileStateBody
  /** The winning version; `null` if nothing was published yet. */
  readonly current: VersionBody | null
  readonly conflict: boolean
  readonly shownAt: string | null
}

/** GET /files */
export interface FilesBody {
  /** So that a signer can make the next statement from this one answer. */
  readonly networkId: string
  readonly files: readonly FileBody[]
}

/** GET /history/{name}: the winner first. */
export interface HistoryBody {
  readonly name: string
  readonly versions: readonly HistoryVersionBody[]
}

/** One version of GET /history/{name}. */
export interface HistoryVersionBody extends VersionBody {
  readonly wins: boolean
  /** Another statement of the same version is here as well. */
  readonly conflict: boolean
  /** `mesh file restore` can have its content from this node. */
  readonly contentHere: boolean
}

/** PUT and DELETE /files/{name}: 201 stored, 200 already held. */
export interface StoredBody {
  readonly name: string
  readonly outcome: 'stored' | 'known'
  readonly current: VersionBody
}
