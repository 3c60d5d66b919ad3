import { createSortedTree, createStoredTree } from '../tree/index.ts'
import { digestFromBytes } from '../util/index.ts'
import { indexTable, treeTable } from './tables.ts'
import type { Store } from '../store/index.ts'
import type { TreeCheck } from '../tree/index.ts'
import type { Digest } from '../util/index.ts'

/** What a look at the whole catalogue in a store has found. */
export interface CatalogueCheck extends TreeCheck {
  /** Of the ids as they are now; it is what peers compare. */
  readonly root: Digest
}

/**
 * Makes the tree of the catalogue anew in memory and holds the stored one against it; with `mend`,
 * what is stored is made anew if it differs. For a store that nobody else uses.
 */
export const checkCatalogue = async (
  store: Store,
  { mend }: { mend: boolean },
): Promise<CatalogueCheck> => {
  const tree = createStoredTree(store, { ids: indexTable, nodes: treeTable })
  const checking = tree.check()
  let next = checking.next()
  while (!next.done) next = checking.next()
  const ids = [...store.range(indexTable)].map(({ key }) => digestFromBytes(key))
  const { hash: root } = createSortedTree(ids).summary('')
  if (mend && next.value.damage.length > 0) await store.transaction((tx) => tree.rebuild(tx))
  return { ...next.value, root }
}
