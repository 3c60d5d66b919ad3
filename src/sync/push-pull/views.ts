import { createFilteredTree } from '../../tree/index.ts'
import { sha256 } from '../../util/index.ts'
import { sleep } from '../async.ts'
import { MAX_VIEWS_BYTES, PREPARED_IDS } from '../limits.ts'
import { createOwnNames } from './names.ts'
import type { FilteredTree, IdTree } from '../../tree/index.ts'
import type { Clock, Digest } from '../../util/index.ts'
import type { Collection, Selection } from '../collection.ts'
import type { NameList, OwnNames } from './names.ts'

/** What both sides of a round hash to see whether they are in step. */
export const stateOf = (state: {
  collection: string
  beginnerNames: Digest
  answererNames: Digest
  root: Digest
}): Digest =>
  sha256(
    `mesh-state 2\n${state.collection}\n${state.beginnerNames}\n${state.answererNames}\n${state.root}\n`,
  )

/** What this node keeps, as far as others want it too. */
export interface Views {
  /** This node's own list. */
  own(): OwnNames
  /**
   * What is kept of the names in `other`, as it is at any time: all of it for a node of the same
   * configuration, and else a filtered view, which is read through once and kept up with changes.
   */
  of(other: NameList, clock: Clock, signal: AbortSignal): Promise<IdTree>
}

const isEqual = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, index) => name === b[index])

interface View {
  readonly tree: FilteredTree
  /** What it looks at. */
  readonly selection: Selection
}

/** What remembering one view costs beside what it has read and what it looks at. */
const VIEW_BYTES = 1_024

const sizeOf = ({ tree, selection }: View): number =>
  tree.sizeBytes + selection.sizeBytes + VIEW_BYTES

export const createViews = (collection: Collection, maxBytes: number = MAX_VIEWS_BYTES): Views => {
  /** By the digest of the other list; the one used longest ago is first. */
  const views = new Map<Digest, View>()
  let ownNames = createOwnNames(collection, [])

  const createView = (selection: Selection): View => ({
    selection,
    tree: createFilteredTree(collection.tree, (id) => {
      const name = collection.nameOf(id)
      return name !== undefined && selection.has(name)
    }),
  })

  const forgetSome = (kept: Digest): void => {
    let sizeBytes = 0
    for (const view of views.values()) sizeBytes += sizeOf(view)
    for (const [digest, view] of views) {
      if (sizeBytes <= maxBytes || digest === kept) return
      views.delete(digest)
      sizeBytes -= sizeOf(view)
    }
  }

  /** Compared name by name, which is a hundred times cheaper than hashing them for each round. */
  const own = (): OwnNames => {
    const selectors = collection.selectors()
    if (selectors !== ownNames.selectors && !isEqual(selectors, ownNames.selectors)) {
      ownNames = createOwnNames(collection, selectors)
    }
    return ownNames
  }

  return {
    own,
    async of(other, clock, signal) {
      if (own().digest === other.digest) return collection.tree
      const view = views.get(other.digest) ?? createView(other.selection)
      views.delete(other.digest)
      views.set(other.digest, view)
      while (!view.tree.prepare(PREPARED_IDS)) await sleep(clock, 0, signal)
      forgetSome(other.digest)
      return view.tree
    },
  }
}
