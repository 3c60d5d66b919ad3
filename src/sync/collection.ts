import type { Owner } from '../blocks/index.ts'
import type { MeshError } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { IdTree } from '../tree/index.ts'
import type { Digest } from '../util/index.ts'

/** Bytes that an item speaks of and that travel apart from it when they are many. */
export interface ContentRef {
  readonly digest: Digest
  readonly sizeBytes: number
}

/** The whole content in pieces. */
export type Content = AsyncIterable<Uint8Array>

/** The whole content as a file of this node, put together of blocks that were checked. */
export interface AssembledContent {
  /** Relative to the state directory; whoever takes it in takes it over by a rename. */
  readonly path: string
  readonly sizeBytes: number
  /** Digest of the block list. */
  readonly blocks: Digest
}

/** One replicated thing, as its collection keeps it. */
export interface Item {
  /**
   * Equal for equal things on every node; commits to everything that replicates. Begins with a place
   * (`placedId`) that is the same for what replaces each other.
   */
  readonly id: Digest
  /** What nodes configure that they want. Several items may have one name. */
  readonly name: string
  /**
   * How new it is among those whose ids begin with the same place: what has a greater rank usually
   * replaces it. A whole number; a hint that saves bytes, nothing is decided by it.
   */
  readonly rank: number
  /** As on the wire. */
  readonly bytes: Uint8Array
  readonly content?: ContentRef
}

export type Acceptance =
  /** `stored`: something changed. `known`: nothing did. */
  | { readonly outcome: 'stored' | 'known' }
  | {
      readonly outcome: 'refused'
      readonly error: MeshError
      /**
       * `fault`: no honest peer sends this. `policy`: others may well want it. `content`: the content
       * was not what the item says, or its source failed. `other`: anything else, nobody's fault.
       */
      readonly why: 'fault' | 'policy' | 'content' | 'other'
    }

/** Takes an item in; the same function with and without its content. */
export type Accept = (
  content: Content | AssembledContent | undefined,
  from: PeerId,
  options: { signal: AbortSignal },
) => Promise<Acceptance>

/** An item that came from a peer: well-formed, and nothing else is known of it yet. */
export interface Arrival extends Item {
  /** Whether it may be passed on by a node that does not want it: it belongs to this network. */
  readonly relayable: boolean
  /** Whether every signature on it holds. Costly. */
  verify(): boolean
  readonly accept: Accept
}

/** Content that this node wants and does not have. */
export interface MissingContent {
  readonly name: string
  readonly content: ContentRef
  readonly accept: Accept
  /** Of content with a block list: how it is put together. */
  readonly assembly?: {
    /** Digest of the list, as it was signed. */
    readonly list: Digest
    readonly owner: Owner
    /** Permission bits of the file. */
    readonly mode: number
  }
}

/** Content that is here and verified. */
export interface HeldContent {
  readonly sizeBytes: number
  stream(options: { start: number; signal: AbortSignal }): Content
}

export interface CollectionListener {
  /** An item was stored; `from` is the peer that brought it. */
  stored(item: Item, from: PeerId | undefined): void
  /** The content of an item that had been missing is here. */
  completed(item: Item, from: PeerId | undefined): void
  /** Something about this name changed: what is wanted, kept or missing. */
  changed(name: string): void
}

/** What another node wants, in little memory: it may be long, and it comes from outside. */
export interface Selection {
  /** Whether the other node wants this name; wrong once in 2^48 questions. */
  has(name: string): boolean
  /** Whether there may be names in it that nobody can list. */
  readonly hasPatterns: boolean
  readonly sizeBytes: number
}

export interface SelectionBuilder {
  /**
   * In order.
   *
   * @throws MeshError if no honest peer has this selector
   */
  add(selector: string): void
  finish(): Selection
}

/**
 * Anything that replicates. The engine knows bytes, ids and names; an adapter in
 * `sync/collections/` gives a domain folder this face, and the domain does not know of it.
 */
export interface Collection {
  /** On the wire: 1 to 32 of `a-z` and `-`. */
  readonly name: string
  /**
   * What this node wants, as its configuration says it: names and, if the collection knows such,
   * patterns; sorted by their bytes, each once. The same list in the same state of configuration.
   */
  selectors(): readonly string[]
  wants(name: string): boolean
  /** Makes the selectors of another node ready for asking. */
  createSelection(): SelectionBuilder
  /** The ids of everything kept. */
  readonly tree: IdTree
  /** The name of an id of `tree`; cheaper than {@link get}. */
  nameOf(id: Digest): string | undefined
  has(id: Digest): boolean
  get(id: Digest): Item | undefined
  /**
   * Reads an item that came from a peer.
   *
   * @throws MeshError if no honest peer sends this
   */
  parse(bytes: Uint8Array): Arrival
  /** Whether the content of an item that is kept can be asked for here. */
  holds(item: Item): boolean
  /** What is missing of one name, or of all. */
  missing(name?: string): readonly MissingContent[]
  /** Content by name and digest, if this node shows it; what it does not want it does not serve. */
  open(name: string, digest: Digest, signal: AbortSignal): Promise<HeldContent | undefined>
  /** Who keeps the blocks of a content, if this node serves it under that name; else `undefined`. */
  blocksOf?(
    name: string,
    digest: Digest,
    list: Digest,
    signal: AbortSignal,
  ): Promise<Owner | undefined>
  /** Answers with the end of the subscription. */
  subscribe(listener: CollectionListener): () => void
}
