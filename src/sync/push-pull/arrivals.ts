import { MAX_ANNOUNCED_ROUND_RECORDS } from '../limits.ts'
import type { PeerId } from '../../keys/index.ts'

/** Records that were news, in rounds under way. */
export interface Arrivals {
  /** A record of this peer was. */
  add(peer: PeerId): void
  /** A round with this peer has ended; answers whether it was {@link isBulk}. */
  end(peer: PeerId): boolean
  /** Whether rounds under way, this peer's among them, bring more than is announced. */
  isBulk(peer: PeerId): boolean
}

export const createArrivals = (): Arrivals => {
  const arriving = new Map<PeerId, number>()
  const isBulk = (peer: PeerId): boolean => {
    if (!arriving.has(peer)) return false
    let count = 0
    for (const each of arriving.values()) count += each
    return count > MAX_ANNOUNCED_ROUND_RECORDS
  }
  return {
    add: (peer) => void arriving.set(peer, (arriving.get(peer) ?? 0) + 1),
    end(peer) {
      const bulk = isBulk(peer)
      arriving.delete(peer)
      return bulk
    },
    isBulk,
  }
}
