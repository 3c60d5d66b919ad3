import { createSortedTree, createStoredTree } from '../tree/index.ts'
import { digestFromBytes } from '../util/index.ts'
import { checkIndex } from './index-check.ts'
import { indexTable, treeTable } from './tables.ts'
import type { Store } from '../store/index.ts'
import type { TreeCheck } from '../tree/index.ts'
import type { Digest } from '../util/index.ts'

/** What a look at the whole catalogue in a store has found. */
export interface CatalogueCheck extends TreeCheck {
  /** Of the ids as they are now; it is what peers compare. */
  readonly root: Digest
  /** What is wrong with the ids themselves; only a daemon, by its configuration, makes them anew. */
  readonly indexDamage: readonly string[]
}

const finish = <T>(steps: Generator<void, T>): T => {
  let next = steps.next()
  while (!next.done) next = steps.next()
  return next.value
}

/**
 * Makes the tree of the catalogue anew in memory and holds the stored one against it, and holds the
 * index against what it follows from; with `mend`, a tree that differs is made anew. For a store that
 * nobody else uses.
 */
export const checkCatalogue = async (
  store: Store,
  { mend }: { mend: boolean },
): Promise<CatalogueCheck> => {
  const tree = createStoredTree(store, { ids: indexTable, nodes: treeTable })
  const found = finish(tree.check())
  const indexDamage = finish(checkIndex(store))
  const ids = [...store.range(indexTable)].map(({ key }) => digestFromBytes(key))
  const { hash: root } = createSortedTree(ids).summary('')
  if (mend && found.damage.length > 0) await store.transaction((tx) => tree.rebuild(tx))
  return { ...found, root, indexDamage }
}
