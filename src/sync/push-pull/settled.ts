import { MAX_SETTLED_IDS } from '../limits.ts'
import { rootOf } from './views.ts'
import type { Digest } from '../../util/index.ts'
import type { View } from './views.ts'

/**
 * Records on which this node and one peer have agreed to differ, because their configurations do:
 * those that the peer keeps and we do not want, and the other way round. Both sides are honest and
 * neither will change its mind by being asked again, so a round that finds only these is equal.
 */
export interface Settled {
  /** Kept by the peer; offered to us and not taken. Id to name. */
  readonly theirs: ReadonlyMap<Digest, string>
  /** Kept by us; offered to the peer and not taken. */
  readonly ours: ReadonlyMap<Digest, string>
  addTheirs(id: Digest, name: string): void
  addOurs(id: Digest, name: string): void
  /** After an exchange of indexes: keeps only what is still so. */
  keep(theirs: ReadonlySet<Digest>, ours: ReadonlySet<Digest>): void
  /** Our mind about a name may have changed. */
  reopen(name: string): void
  /** What the peer's root is if nothing has changed since. */
  predict(view: View): Digest
}

export const createSettled = (): Settled => {
  const theirs = new Map<Digest, string>()
  const ours = new Map<Digest, string>()

  const add = (map: Map<Digest, string>, id: Digest, name: string): void => {
    // Full: the difference stays visible and costs an exchange each round, no more.
    if (map.size < MAX_SETTLED_IDS) map.set(id, name)
  }
  const retain = (map: Map<Digest, string>, ids: ReadonlySet<Digest>): void => {
    for (const id of map.keys()) if (!ids.has(id)) map.delete(id)
  }
  const drop = (map: Map<Digest, string>, name: string): void => {
    for (const [id, of] of map) if (of === name) map.delete(id)
  }

  return {
    theirs,
    ours,
    addTheirs: (id, name) => add(theirs, id, name),
    addOurs: (id, name) => add(ours, id, name),
    keep(theirIds, ourIds) {
      retain(theirs, theirIds)
      retain(ours, ourIds)
    },
    reopen(name) {
      drop(theirs, name)
      drop(ours, name)
    },
    predict(view) {
      if (theirs.size === 0 && ours.size === 0) return view.root
      const ids = new Set(view.ids())
      for (const id of ours.keys()) ids.delete(id)
      for (const id of theirs.keys()) ids.add(id)
      return rootOf([...ids].sort())
    },
  }
}
