import type { PeerId } from '@libp2p/interface'

export interface RememberedPeersInit {
  /** Of those that are not connected. */
  readonly maxPeers: number
  isConnected(peer: PeerId): boolean
  /** It is not to be remembered any more. */
  forget(peer: PeerId): void
}

/**
 * What libp2p remembers of peers: it keeps whoever was connected or, with the DHT on, was named by a member,
 * and by itself never lets go of one that nobody asks for. Who was heard of longest ago goes first.
 */
export const createRememberedPeers = ({ maxPeers, isConnected, forget }: RememberedPeersInit) => {
  const heard = new Map<string, PeerId>()
  return {
    heard(peer: PeerId): void {
      const id = peer.toString()
      heard.delete(id)
      // It is heard of again when its connection ends.
      if (isConnected(peer)) return
      heard.set(id, peer)
      for (const [oldest, each] of heard) {
        if (heard.size <= maxPeers) return
        heard.delete(oldest)
        if (!isConnected(each)) forget(each)
      }
    },
  }
}
