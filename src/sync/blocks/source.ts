import type { BlockList } from '../../chunk/index.ts'
import type { Digest } from '../../util/index.ts'

/** A content as a peer names it when it asks for blocks. */
export interface ContentName {
  readonly collection: string
  readonly name: string
  /** Of the whole content. */
  readonly digest: Digest
  /** Of its block list. */
  readonly list: Digest
}

export const keyOfContent = ({ collection, name, digest, list }: ContentName): string =>
  `${collection} ${name} ${digest} ${list}`

/** Where the blocks of a content come from: one that is shown, or one that is being fetched itself. */
export interface BlockSource {
  /** `undefined`: not known yet. */
  list(): BlockList | undefined
  has(index: number): boolean
  isComplete(): boolean
  /**
   * `undefined`: it is not here, or not any more. The bytes may lie in `into`, which nobody but the
   * caller touches once this has settled.
   */
  read(index: number, signal: AbortSignal, into?: Uint8Array): Promise<Uint8Array | undefined>
}
