/** Finds the blocks of a content that a peer names. */
import { blockListDigest, decodeBlockList } from '../../chunk/index.ts'
import { createListCache } from './list-cache.ts'
import { keyOfContent } from './source.ts'
import type { Blocks } from '../../blocks/index.ts'
import type { Collection } from '../collection.ts'
import type { BlockFetch } from './fetch.ts'
import type { ReadThrough } from './read-through.ts'
import type { BlockSource, ContentName } from './source.ts'

export type Resolve = (
  content: ContentName,
  signal: AbortSignal,
) => Promise<BlockSource | undefined>

export interface ResolverInit {
  readonly collections: ReadonlyMap<string, Collection>
  readonly blocks: Pick<Blocks, 'get' | 'listOf'>
  /** The fetch of a content, by {@link keyOfContent}. */
  readonly running: (key: string) => Pick<BlockFetch, 'isRunning' | 'source'> | undefined
  readonly passed: ReadThrough['source']
}

/** From a content that is being fetched, one that is kept, or the cache, in this order. */
export const createResolver = (init: ResolverInit): Resolve => {
  const { collections, blocks, passed } = init
  const lists = createListCache()

  /** What was read through; only under a name that this node is configured for. */
  const passedOn = async (content: ContentName): Promise<BlockSource | undefined> => {
    if (collections.get(content.collection)?.wants(content.name) !== true) return undefined
    return passed(content, () =>
      lists.get(content.list, async () => {
        const encoded = await blocks.get(content.list)
        return encoded && decodeBlockList(encoded)
      }),
    )
  }

  return async (content, signal) => {
    const { collection, name, digest, list: listDigest } = content
    const running = init.running(keyOfContent(content))
    if (running?.isRunning === true) return running.source()
    const held = await collections.get(collection)?.blocksOf?.(name, digest, listDigest, signal)
    const otherwise = () => running?.source() ?? passedOn(content)
    if (held === undefined) return otherwise()
    const list = await lists.get(listDigest, async () => {
      const found = await blocks.listOf(held)
      return found && blockListDigest(found) === listDigest ? found : undefined
    })
    if (list === undefined) return otherwise()
    return {
      list: () => list,
      has: (index) => index < list.blocks.length,
      isComplete: () => true,
      async read(index, signal, into) {
        const block = list.blocks[index]
        return block && blocks.get(block.digest, { signal, into })
      },
    }
  }
}
