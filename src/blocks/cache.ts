import { MIN_CACHED_BLOCK_BYTES } from './limits.ts'
import type { Digest } from '../util/index.ts'
import type { Loose } from './rows.ts'

/** What nobody keeps of the stored blocks, in memory; the store has the truth. */
export interface LooseBlocks {
  /** Takes over what the store says of a block: that nobody keeps it, or something else. */
  set(digest: Digest, loose: (Loose & { readonly sizeBytes: number }) | undefined): void
  get(digest: Digest): LooseBlock | undefined
  entries(): Iterable<[Digest, LooseBlock]>
  /** Of one kind. */
  count(why: Loose['why']): { readonly blocks: number; readonly bytes: number }
}

export interface LooseBlock extends Loose {
  readonly sizeBytes: number
}

/** What a block takes of the room for cached ones. */
export const cachedSize = (sizeBytes: number): number => Math.max(sizeBytes, MIN_CACHED_BLOCK_BYTES)

export const createLooseBlocks = (): LooseBlocks => {
  const entries = new Map<Digest, LooseBlock>()
  const counts = { cache: { blocks: 0, bytes: 0 }, unreferenced: { blocks: 0, bytes: 0 } }
  const count = ({ why, sizeBytes }: LooseBlock, by: 1 | -1): void => {
    counts[why].blocks += by
    counts[why].bytes += by * cachedSize(sizeBytes)
  }
  return {
    set(digest, loose) {
      const before = entries.get(digest)
      if (before !== undefined) count(before, -1)
      if (loose === undefined) {
        entries.delete(digest)
        return
      }
      entries.set(digest, loose)
      count(loose, 1)
    },
    get: (digest) => entries.get(digest),
    entries: () => entries.entries(),
    count: (why) => ({ ...counts[why] }),
  }
}
