import { MAX_REMEMBERED_NAMES } from './limits.ts'
import type { PeerId } from '../keys/index.ts'
import type { Peer } from './types.ts'

/** Names of peers that are gone, for what they are blamed for afterwards; the oldest are forgotten first. */
export const createGoneNames = () => {
  const names = new Map<PeerId, string>()
  return {
    of: (peer: PeerId): string | undefined => names.get(peer),
    add({ id, name }: Pick<Peer, 'id' | 'name'>): void {
      names.delete(id)
      if (name !== undefined) names.set(id, name)
      const oldest = names.keys().next()
      if (names.size > MAX_REMEMBERED_NAMES && !oldest.done) names.delete(oldest.value)
    },
  }
}
