import { sha256 } from '../../util/index.ts'
import type { PeerId } from '../../keys/index.ts'

/**
 * Rendezvous rank of a pair: the same seen from both sides, spread evenly over all pairs, and known
 * without asking anybody. The label keeps it apart from any other use of such a hash.
 */
export const rankOf = (a: PeerId, b: PeerId): string =>
  sha256(`mesh-neighbour 1\n${a < b ? `${a}\n${b}` : `${b}\n${a}`}\n`)

/** `peers` in the order in which `self` picks them as neighbours, the best first. */
export const rankPeers = (self: PeerId, peers: readonly PeerId[]): PeerId[] =>
  peers
    .map((peer) => ({ peer, rank: rankOf(self, peer) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ peer }) => peer)
