import { MAX_SETTLED_IDS } from '../limits.ts'
import type { Digest } from '../../util/index.ts'

/**
 * Records on which this node and one peer have agreed to differ, because their configurations do:
 * those that the peer keeps and we do not want, and the other way round. Both sides are honest and
 * neither will change its mind by being asked again, so they are not sent again, and a round that
 * found only these is as good as equal as long as neither side changes.
 */
export interface Settled {
  /** Kept by the peer; offered to us and not taken. Id to name. */
  readonly theirs: ReadonlyMap<Digest, string>
  /** Kept by us; offered to the peer and not taken. */
  readonly ours: ReadonlyMap<Digest, string>
  addTheirs(id: Digest, name: string): void
  addOurs(id: Digest, name: string): void
  /** After all differences were found: keeps only what is still one. */
  keep(theirs: ReadonlySet<Digest>, ours: ReadonlySet<Digest>): void
  /** Our mind about a name may have changed. */
  reopen(name: string): void
  /** A whole round between these roots moved nothing: there is nothing to be moved. */
  agree(roots: { ours: Digest; theirs: Digest }): void
  /** The root that the peer has, if nothing has changed there. */
  predict(root: Digest): Digest
}

export const createSettled = (): Settled => {
  const theirs = new Map<Digest, string>()
  const ours = new Map<Digest, string>()
  let agreed: { readonly ours: Digest; readonly theirs: Digest } | undefined

  const add = (map: Map<Digest, string>, id: Digest, name: string): void => {
    // Full: the record is offered again with each round that finds any difference, and no more.
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
      // Another policy may leave our root as it is, and still take what it refused before.
      agreed = undefined
    },
    agree(roots) {
      agreed = roots
    },
    predict: (root) => (agreed?.ours === root ? agreed.theirs : root),
  }
}
