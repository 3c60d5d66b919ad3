/** Block lists that were decoded a while ago or are in use, by their digests. */
import { MAX_CACHED_LIST_BLOCKS, MAX_CACHED_LISTS } from '../limits.ts'
import type { BlockList } from '../../chunk/index.ts'
import type { Digest } from '../../util/index.ts'

/**
 * The lists that were wanted last stay, as far as their blocks are few together. One that is larger or
 * older is found as long as somebody else still has it, and goes when memory is wanted: so a list is in
 * memory once, however many readers have its content open.
 */
export interface ListCache {
  /** The list of this digest; `load` brings it, once for all who ask meanwhile. */
  get(digest: Digest, load: () => Promise<BlockList | undefined>): Promise<BlockList | undefined>
}

export const createListCache = (): ListCache => {
  /** The one that was wanted last is last. */
  const recent = new Map<Digest, BlockList>()
  const known = new Map<Digest, WeakRef<BlockList>>()
  const loading = new Map<Digest, Promise<BlockList | undefined>>()
  let blocks = 0

  const forget = (digest: Digest): void => {
    blocks -= recent.get(digest)?.blocks.length ?? 0
    recent.delete(digest)
  }

  const keep = (digest: Digest, list: BlockList): void => {
    forget(digest)
    known.delete(digest)
    known.set(digest, new WeakRef(list))
    const oldest = known.keys().next()
    if (known.size > MAX_CACHED_LISTS && !oldest.done) {
      known.delete(oldest.value)
      forget(oldest.value)
    }
    if (list.blocks.length > MAX_CACHED_LIST_BLOCKS) return
    recent.set(digest, list)
    blocks += list.blocks.length
    for (const each of recent.keys()) {
      if (blocks <= MAX_CACHED_LIST_BLOCKS) return
      forget(each)
    }
  }

  return {
    async get(digest, load) {
      const found = recent.get(digest) ?? known.get(digest)?.deref()
      if (found !== undefined) {
        keep(digest, found)
        return found
      }
      const under = loading.get(digest)
      if (under !== undefined) return under
      const loaded = load().finally(() => loading.delete(digest))
      loading.set(digest, loaded)
      const list = await loaded
      if (list !== undefined) keep(digest, list)
      return list
    },
  }
}
