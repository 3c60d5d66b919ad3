import { createBoundedSet } from '../bounded-set.ts'
import { HOLDER_COOLDOWN_MS, MAX_ASKED_PEERS, MAX_FETCH_BACKOFF_MS } from '../limits.ts'
import { MAX_HOLDERS, MAX_REMEMBERED_HOLDERS } from '../limits.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Clock, Random } from '../../util/index.ts'

/** Who may be asked for one content, and in which order. */
export interface Holders {
  /** The peer says that it has the content; answers whether that is news worth acting on. */
  claim(peer: PeerId): boolean
  /** It said that it has not. */
  deny(peer: PeerId): void
  /** It did not deliver: the next time it is asked after all others. */
  fail(peer: PeerId): void
  /** It delivered something else. It is not asked again. */
  ban(peer: PeerId): void
  /** It is not connected any more: what it said makes room for what others say. */
  leave(peer: PeerId): void
  /** Gives back what all of this took of the room for claims; nobody can claim any more. */
  end(): void
  /** Those that say they have it, in order. */
  claimants(): readonly PeerId[]
  /** Whether it is not to be asked for this content again. */
  isBanned(peer: PeerId): boolean
  /** Whether it let us down lately. */
  isCooling(peer: PeerId): boolean
  /** The peer to ask next; `tried` have been asked in this attempt. `undefined`: nobody is left. */
  next(tried: ReadonlySet<PeerId>): PeerId | undefined
  /** Whether anybody who is connected claims to have it and is not cooling down, beside those tried. */
  hasClaimant(tried?: ReadonlySet<PeerId>): boolean
}

export interface HoldersInit {
  readonly clock: Clock
  readonly random: Random
  /** Room for claims of all contents together. */
  readonly claims: { left: number }
  readonly connected: () => readonly PeerId[]
  /** Whether the peer is known to want the name, and so may have its content. */
  readonly wants: (peer: PeerId) => boolean | undefined
}

interface Cooling {
  readonly untilMs: number
  readonly forMs: number
  /** It only answered a question that it never invited: what it says from now on is news. */
  readonly asked?: boolean
}

export const createHolders = (init: HoldersInit): Holders => {
  const { clock, random, connected, wants, claims } = init
  const claimants = new Set<PeerId>()
  const banned = createBoundedSet<PeerId>(MAX_REMEMBERED_HOLDERS)
  const cooling = new Map<PeerId, Cooling>()
  let ended = false

  const withdraw = (peer: PeerId): boolean => {
    if (!claimants.delete(peer)) return false
    claims.left++
    return true
  }

  const cool = (peer: PeerId, how: Cooling): void => {
    cooling.delete(peer)
    cooling.set(peer, how)
    const oldest = cooling.keys().next()
    if (cooling.size > MAX_REMEMBERED_HOLDERS && !oldest.done) cooling.delete(oldest.value)
  }

  const isCool = (peer: PeerId): boolean => (cooling.get(peer)?.untilMs ?? 0) <= clock.monotonicMs()

  /** Those that let us down least. */
  const least = (peers: readonly PeerId[]): readonly PeerId[] => {
    const forMs = (peer: PeerId): number => cooling.get(peer)?.forMs ?? 0
    const leastMs = Math.min(...peers.map(forMs))
    return peers.filter((peer) => forMs(peer) === leastMs)
  }

  const pick = (peers: readonly PeerId[]): PeerId | undefined =>
    peers.length === 0 ? undefined : peers[random.below(peers.length)]

  return {
    claim(peer) {
      if (ended || banned.has(peer)) return false
      if (claimants.has(peer)) return false
      if (claimants.size >= MAX_HOLDERS || claims.left === 0) return false
      if (cooling.get(peer)?.asked === true) cooling.delete(peer)
      claimants.add(peer)
      claims.left--
      return isCool(peer)
    },
    deny(peer) {
      // Asked without having said anything, it may well get the content a moment later; one that
      // claimed it and has it not must wait, or it could have us ask for ever.
      const asked = !withdraw(peer)
      const { forMs = 0 } = cooling.get(peer) ?? {}
      const untilMs = clock.monotonicMs() + Math.max(HOLDER_COOLDOWN_MS, forMs)
      cool(peer, { untilMs, forMs, asked: asked && forMs === 0 })
    },
    fail(peer) {
      const before = cooling.get(peer)?.forMs ?? 0
      const forMs = Math.min(Math.max(HOLDER_COOLDOWN_MS, before * 2), MAX_FETCH_BACKOFF_MS)
      cool(peer, { untilMs: clock.monotonicMs() + forMs, forMs })
    },
    ban(peer) {
      withdraw(peer)
      banned.add(peer)
    },
    leave: (peer) => void withdraw(peer),
    end() {
      ended = true
      claims.left += claimants.size
      claimants.clear()
    },
    claimants: () => [...claimants].sort(),
    isBanned: (peer) => banned.has(peer),
    isCooling: (peer) => !isCool(peer),
    next(tried) {
      // In order of peer ids first, so that a simulation picks the same peer every time.
      const open = connected()
        .filter((peer) => !tried.has(peer) && !banned.has(peer))
        .sort()
      const [claiming, others] = [
        open.filter((peer) => claimants.has(peer)),
        open.filter((peer) => !claimants.has(peer) && isCool(peer)),
      ]
      const found =
        pick(claiming.filter(isCool)) ??
        (tried.size >= MAX_ASKED_PEERS
          ? undefined
          : (pick(others.filter((peer) => wants(peer) === true)) ??
            pick(others.filter((peer) => wants(peer) === undefined))))
      // Rather one that let us down than none.
      return found ?? pick(least(claiming))
    },
    hasClaimant: (tried) =>
      connected().some((peer) => tried?.has(peer) !== true && claimants.has(peer) && isCool(peer)),
  }
}
