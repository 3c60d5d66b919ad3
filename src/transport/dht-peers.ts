import { MAX_DHT_PEERS } from './limits.ts'
import type { PeerId } from '@libp2p/interface'

export interface DhtPeersInit {
  isConnected(peer: PeerId): boolean
  /** It is not to be remembered any more. */
  forget(peer: PeerId): void
}

/**
 * What libp2p remembers of peers while the DHT is on: it keeps whoever a member names, and by itself
 * never lets go of one that nobody asks for. Who was heard of longest ago goes first.
 */
export const createDhtPeers = ({ isConnected, forget }: DhtPeersInit) => {
  const heard = new Map<string, PeerId>()
  return {
    heard(peer: PeerId): void {
      const id = peer.toString()
      heard.delete(id)
      heard.set(id, peer)
      if (heard.size <= MAX_DHT_PEERS) return
      for (const [oldest, each] of heard) {
        if (isConnected(each)) continue
        heard.delete(oldest)
        forget(each)
        return
      }
    },
  }
}
