import type { EventEmitter } from 'node:events'
import type { BlockList } from '../chunk/index.ts'
import type { Digest } from '../util/index.ts'

/**
 * Who keeps a block, as a short text of printable ASCII: a kind, then what it is about, as
 * `file app/config <digest of the content>`. Make it with `parseOwner`.
 */
export type Owner = string & { readonly owner: unique symbol }

/** Where the bytes of an owner's content lie now. */
export interface Located {
  /** Relative to the root of the disk. */
  readonly path: string
  /** Of the file, when it was last known to be right; another one there is left alone. */
  readonly fingerprint?: string
}

/**
 * Says where a content lies, or `undefined` if it lies nowhere. Asked again for each read, so a file
 * may be renamed at any time.
 */
export type Locate = (owner: Owner) => Located | undefined | Promise<Located | undefined>

/** A content that serves its own blocks out of a file which somebody else keeps. */
export interface Content {
  readonly list: BlockList
  /** Digest of all of it, which scrub checks too. */
  readonly digest: Digest
}

/** What a statement says of a content, its block list included. */
export interface SignedContent {
  /** Of the block list. */
  readonly list: Digest
  /** Of the whole content. */
  readonly digest: Digest
  readonly sizeBytes: number
}

/** A block that is not what it was, or not there any more. It is not served from there again. */
export interface BlockDamage {
  /** `undefined`: the content as a whole is wrong though each of its blocks is right. */
  readonly digest: Digest | undefined
  /** Who keeps it; `undefined`: nobody, it was in the cache. */
  readonly owner: Owner | undefined
  /** `content`: in the file of the owner. `stored`: in our own store. */
  readonly where: 'content' | 'stored'
}

export interface BlocksEvents {
  /** Once for each owner. The block is wanted again: `put` it, or add the content again. */
  damage: [BlockDamage]
  /** What is known of misfits has changed, by what this owner has or would have had. */
  misfit: [Owner]
}

/** A content that is left from a former run, or being put together now. */
export interface AssemblyState {
  readonly owner: Owner
  /** Digest of its block list, which {@link Blocks.listOf} answers. */
  readonly listDigest: Digest
  readonly sizeBytes: number
  /** Wall clock when it was begun, ms since the epoch. */
  readonly begunAtMs: number
  readonly running: boolean
}

/** What a garbage collection has done. */
export interface GcReport {
  readonly removedBlocks: number
  readonly removedBytes: number
  /** Blocks that nobody keeps and that somebody needs now, or that are not old enough. */
  readonly waitingBlocks: number
  /** Files that no row spoke of. */
  readonly strayFiles: number
  readonly strayBytes: number
  /** Contents that were begun long ago and never became whole. */
  readonly abandonedAssemblies: number
}

/** How far a check of everything has come. */
export interface CheckProgress {
  readonly checkedBlocks: number
  readonly checkedBytes: number
  readonly damagedBlocks: number
  /** Of everything, when it began. */
  readonly totalBytes: number
}

/** What a check of everything has found. */
export interface VerifyReport extends CheckProgress {
  /** Rows of the database that contradict each other; they were mended where that is safe. */
  readonly contradictions: number
}

/** How the background check stands. */
export interface ScrubStat extends CheckProgress {
  readonly running: boolean
  readonly bytesPerSecond: number
  /** Wall clock, ms since the epoch; `undefined`: never. */
  readonly begunAtMs: number | undefined
  readonly endedAtMs: number | undefined
}

/** What the block store holds. */
export interface BlocksStat {
  /** All blocks in the store itself, and how much of that is pinned by owners. */
  readonly storedBlocks: number
  readonly storedBytes: number
  readonly quotaBytes: number
  /** Of these, blocks that nobody keeps and that stay while there is room. */
  readonly cachedBlocks: number
  readonly cachedBytes: number
  readonly cacheBytes: number
  /** Of these, blocks that nobody keeps any more and that garbage collection will remove. */
  readonly unreferencedBlocks: number
  readonly unreferencedBytes: number
  /** Contents that serve their own blocks. */
  readonly contents: number
  readonly contentBlocks: number
  readonly contentBytes: number
  readonly assemblies: number
  readonly damagedBlocks: number
  readonly scrub: ScrubStat
}

/** Blocks that must not go away; `release` (idempotent) lets them. */
export interface Lease {
  release(): void
}

export interface ReadOptions {
  readonly signal?: AbortSignal
  /** Room for the block. */
  readonly into?: Uint8Array | undefined
}

export interface Blocks {
  readonly events: EventEmitter<BlocksEvents>
  /** Finishes what a crash interrupted, starts upkeep and scrub. Idempotent, as `stop`. */
  start(): Promise<void>
  stop(): Promise<void>

  /** Whether `get` would find it, as far as is known without reading it. */
  has(digest: Digest): boolean
  /**
   * The bytes of a block, checked against its name, from wherever it lies: the store, a content, or
   * a content that is being put together. `undefined` if it is not here, or is damaged: then it is
   * put aside and `damage` is emitted. The bytes belong to the caller; they may lie in `into`, if that
   * is given, which is the caller's again when this has settled.
   */
  get(digest: Digest, options?: ReadOptions): Promise<Uint8Array | undefined>
  /**
   * Stores a block, durable on return. `owner` pins it. Without an owner it is cache: it stays while
   * there is room, and is not kept at all where there is none.
   *
   * @throws MeshError `ERR_BLOCK_MISMATCH`, `ERR_LIMIT_EXCEEDED`, `ERR_BLOCK_QUOTA`, `ERR_DISK_FULL`
   */
  put(
    digest: Digest,
    bytes: Uint8Array,
    options?: { owner?: Owner; signal?: AbortSignal },
  ): Promise<void>
  /** Pins a block that is in the store already; `false` if it is not. */
  pin(digest: Digest, owner: Owner): Promise<boolean>
  unpin(digest: Digest, owner: Owner): Promise<void>
  /** Keeps blocks that are here from going away while somebody needs them. */
  lease(digests: Iterable<Digest>): Lease

  /**
   * A content that lies in a file which somebody else keeps and that was verified: from now on its
   * blocks are served out of it, and no second copy of them is made. Its block list is stored as a
   * pinned block. Adding it again mends what was damaged.
   */
  addContent(owner: Owner, content: Content, options?: { signal?: AbortSignal }): Promise<void>
  /** Takes away everything that the owner keeps: content, pinned blocks, a left assembly. */
  remove(owner: Owner): Promise<void>
  /** The block list of a content or of an assembly. */
  listOf(owner: Owner, options?: { signal?: AbortSignal }): Promise<BlockList | undefined>
  /** Whether a content of this owner was added. */
  hasContent(owner: Owner): boolean
  /** Everybody who keeps something, in order. */
  owners(): Iterable<{ readonly owner: Owner; readonly kind: 'content' | 'assembly' | 'pins' }>

  /**
   * Begins a content that is put together from its blocks, or goes on with one that is left from a
   * former run: what is right of it is found by hashing what lies there. One at a time for an owner.
   *
   * @throws MeshError `ERR_DISK_FULL` if it cannot fit
   */
  assemble(owner: Owner, list: BlockList, options?: { signal?: AbortSignal }): Promise<Assembly>
  /** Assemblies, running or left from a former run; `remove` the owner of one that nobody wants. */
  assemblies(): readonly AssemblyState[]

  /**
   * Whether it is known that the blocks of this list do not make a content of this digest and size, though
   * all three were signed together: its signer's mistake or malice. Fetching it again would bring the same.
   * Says nothing of the same list or content with anything else.
   */
  isMisfit(content: SignedContent): boolean
  /** Remembers that, and emits `misfit`; scrub and `verify` find and clear misfits by themselves. */
  noteMisfit(owner: Owner, content: SignedContent): Promise<void>

  stat(): BlocksStat
  /** Checks everything at once; what is damaged is treated as when `get` finds it. */
  verify(options?: {
    signal?: AbortSignal
    onProgress?: (progress: CheckProgress) => void
  }): Promise<VerifyReport>
  /**
   * Removes what nobody keeps, and files that no row speaks of. `now`: blocks go whatever their age;
   * what somebody needs stays all the same.
   */
  gc(options?: { now?: boolean; signal?: AbortSignal }): Promise<GcReport>
  /** Begins the next check in the background now, at its pace; does nothing while one is running. */
  scrub(): void
}

/** A content that is being put together from its blocks in a file of its own. */
export interface Assembly {
  readonly owner: Owner
  readonly list: BlockList
  /** Bytes that are here and right. */
  readonly haveBytes: number
  has(index: number): boolean
  /** Indexes of the blocks that are not here, in order. */
  missing(): Iterable<number>
  /**
   * Fills in what is on this machine already: blocks of older versions, of other files, of the
   * cache; each is verified when it is read. Answers how many bytes that brought.
   */
  copyLocal(options?: { signal?: AbortSignal; onBlock?: (index: number) => void }): Promise<number>
  /** The bytes of a block that is here, checked; also under {@link Blocks.get}. */
  read(index: number, options?: ReadOptions): Promise<Uint8Array | undefined>
  /**
   * Writes a block where it belongs, and wherever else in the content it occurs.
   *
   * @throws MeshError `ERR_BLOCK_MISMATCH`, `ERR_DISK_FULL`
   */
  write(index: number, bytes: Uint8Array, options?: { signal?: AbortSignal }): Promise<void>
  /**
   * Everything durable, with this mode; answers the path below the disk's root, to be taken over by
   * rename. Tell {@link Blocks.addContent} afterwards. The assembly serves its blocks until then.
   *
   * @throws MeshError `ERR_BLOCK_MISMATCH` if a block is missing
   */
  finish(options: { mode: number }): Promise<string>
  /**
   * Lets go of the file, which stays to be gone on with, unless the disk has refused anything of it: then
   * nobody knows what of it will last, and whoever goes on begins anew. Idempotent.
   */
  close(): Promise<void>
  /**
   * Ends it and gives back the room that the file takes, which needs none itself: for a disk that is
   * full. Whoever goes on begins anew.
   */
  giveBack(): Promise<void>
  /** Ends it and removes what was put together, and the owner's other blocks with it. */
  discard(): Promise<void>
}
