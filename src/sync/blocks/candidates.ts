import type { PeerId } from '../../keys/index.ts'
import type { Transport } from '../../transport/index.ts'
import type { BoundedSet } from '../bounded-set.ts'
import type { Holders } from '../content/holders.ts'
import type { ContentName } from './source.ts'

export interface CandidatesInit {
  readonly transport: Pick<Transport, 'peers'>
  readonly wants: (peer: PeerId, collection: string, name: string) => boolean | undefined
  /** It sent wrong bytes, or stalled. */
  readonly isAvoided: (peer: PeerId) => boolean
}

/**
 * Peers that may have some of a content, the likeliest first: those who said so, those who look for it
 * themselves, those who want its name; and, if one is hungry, those of which nothing is known.
 */
export const candidatesFor =
  ({ transport, wants, isAvoided }: CandidatesInit) =>
  (
    { collection, name }: ContentName,
    holders: Holders,
    interested: Pick<BoundedSet<PeerId>, 'has'>,
  ) =>
  (isHungry: boolean): PeerId[] => {
    const claiming = new Set(holders.claimants())
    const places = new Map<PeerId, number>()
    for (const { id } of transport.peers()) {
      if (holders.isCooling(id) || holders.isBanned(id) || isAvoided(id)) continue
      const isWanted = wants(id, collection, name)
      if (claiming.has(id)) places.set(id, 0)
      else if (interested.has(id)) places.set(id, 1)
      else if (isWanted === true) places.set(id, 2)
      else if (isWanted === undefined && isHungry) places.set(id, 3)
    }
    return [...places].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).map(([peer]) => peer)
  }
