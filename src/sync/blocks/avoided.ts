import { HOLDER_COOLDOWN_MS } from '../limits.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Clock } from '../../util/index.ts'

/** Peers that are not asked for blocks for a while. */
export interface Avoided {
  add(peer: PeerId): void
  has(peer: PeerId): boolean
  readonly size: number
}

export const createAvoided = ({ clock }: { clock: Clock }): Avoided => {
  const untilMs = new Map<PeerId, number>()
  return {
    add(peer) {
      const nowMs = clock.monotonicMs()
      untilMs.delete(peer)
      untilMs.set(peer, nowMs + HOLDER_COOLDOWN_MS)
      // All have to wait as long, so those that waited enough come first; nobody may ask about them again.
      for (const [each, eachUntilMs] of untilMs) {
        if (eachUntilMs > nowMs) return
        untilMs.delete(each)
      }
    },
    has: (peer) => (untilMs.get(peer) ?? 0) > clock.monotonicMs(),
    get size() {
      return untilMs.size
    },
  }
}
