import {
  KNOWN_PEER_TTL_MS,
  MAX_ADDRESSES_PER_PEER,
  MAX_HEARSAY_PER_PEER,
  MAX_KNOWN_PEERS,
  PASS_ON_TTL_MS,
} from './limits.ts'
import type { PeerId } from '../keys/index.ts'
import type { Clock, Random } from '../util/index.ts'

/** A peer and where it may be reached. */
export interface KnownPeer {
  readonly peer: PeerId
  /** Multiaddrs without the peer id, the most promising first. */
  readonly locations: readonly string[]
  /** From the configuration: never forgotten. */
  readonly bootstrap: boolean
  /** Wall clock, ms since the epoch; `undefined`: we only heard of it. */
  readonly lastConnectedMs?: number
}

/** Who could be connected to. Bounded; what was reached is worth more than what was heard of. */
export interface AddressBook {
  get(peer: PeerId): KnownPeer | undefined
  all(): Iterable<KnownPeer>
  addBootstrap(peer: PeerId, location: string): void
  /** What the store remembers of a peer that was connected once. */
  restore(peer: PeerId, locations: readonly string[], lastConnectedMs: number): void
  /** A connected peer says where it can be reached. */
  learn(peer: PeerId, locations: readonly string[]): void
  /** `from` says where another peer can be reached. Whether anything was new. */
  hear(from: PeerId, peer: PeerId, locations: readonly string[]): boolean
  /** It is connected now. `location`: where we reached it, if it was us who dialled. */
  connected(peer: PeerId, location?: string): void
  forget(peer: PeerId): void
  /** Forgets who was not reached for too long. */
  expire(): void
  /** Peers that were reached lately, in random order. */
  shuffled(): Iterable<KnownPeer>
  /** Peers that were reached once and have changed since this was last asked. */
  takeChanges(): Set<PeerId>
}

/** More than any two entries are apart: they expire before. */
const REACHED_BONUS_MS = 2 * KNOWN_PEER_TTL_MS

interface Entry {
  readonly peer: PeerId
  /** From the configuration. */
  configured: string[]
  /** Where it was reached, the last first. */
  reached: string[]
  /** What it says itself, or what is said of it. */
  told: string[]
  lastConnectedMs?: number
  /** Who told us of a peer that we have not reached yet. */
  source?: PeerId
}

const describe = (entry: Entry): KnownPeer => ({
  peer: entry.peer,
  locations: [...new Set([...entry.reached, ...entry.configured, ...entry.told])].slice(
    0,
    // The configured ones are always among them.
    Math.max(MAX_ADDRESSES_PER_PEER, entry.configured.length + 1),
  ),
  bootstrap: entry.configured.length > 0,
  ...(entry.lastConnectedMs === undefined ? {} : { lastConnectedMs: entry.lastConnectedMs }),
})

export const createAddressBook = (
  { clock, random }: { clock: Clock; random: Random },
  { own }: { own: PeerId },
): AddressBook => {
  const entries = new Map<PeerId, Entry>()
  const hearsay = new Map<PeerId, number>()
  let changes = new Set<PeerId>()

  const settle = (entry: Entry): void => {
    if (entry.source === undefined) return
    const left = (hearsay.get(entry.source) ?? 1) - 1
    if (left === 0) hearsay.delete(entry.source)
    else hearsay.set(entry.source, left)
    delete entry.source
  }

  const drop = (entry: Entry): void => {
    settle(entry)
    entries.delete(entry.peer)
    if (entry.lastConnectedMs !== undefined) changes.add(entry.peer)
  }

  /** The least worth keeping: heard of, then only seen coming in, then longest not connected. */
  const worth = ({ lastConnectedMs, reached }: Entry): number =>
    lastConnectedMs === undefined
      ? -1
      : lastConnectedMs + (reached.length > 0 ? REACHED_BONUS_MS : 0)

  const findVictim = (): Entry | undefined => {
    let least: Entry | undefined
    for (const entry of entries.values()) {
      if (entry.configured.length > 0) continue
      if (least === undefined || worth(entry) < worth(least)) least = entry
    }
    return least
  }

  const ensure = (peer: PeerId): Entry => {
    const known = entries.get(peer)
    if (known !== undefined) return known
    if (entries.size >= MAX_KNOWN_PEERS) {
      const victim = findVictim()
      if (victim !== undefined) drop(victim)
    }
    const entry: Entry = { peer, configured: [], reached: [], told: [] }
    entries.set(peer, entry)
    return entry
  }

  const clip = (locations: readonly string[]): string[] =>
    [...new Set(locations)].slice(0, MAX_ADDRESSES_PER_PEER)

  /** Whether there is room for one more that only `from` vouches for. */
  const mayHear = (from: PeerId): boolean => {
    if ((hearsay.get(from) ?? 0) >= MAX_HEARSAY_PER_PEER) return false
    if (entries.size < MAX_KNOWN_PEERS) return true
    // Never at the cost of somebody who was reached.
    const victim = findVictim()
    return victim !== undefined && victim.lastConnectedMs === undefined
  }

  const touch = (entry: Entry): void => {
    entry.lastConnectedMs = clock.nowMs()
    changes.add(entry.peer)
  }

  return {
    get(peer) {
      const entry = entries.get(peer)
      return entry === undefined ? undefined : describe(entry)
    },
    *all() {
      for (const entry of entries.values()) yield describe(entry)
    },
    addBootstrap(peer, location) {
      if (peer === own) return
      const entry = ensure(peer)
      entry.configured = [...new Set([...entry.configured, location])]
    },
    restore(peer, locations, lastConnectedMs) {
      if (peer === own) return
      const entry = ensure(peer)
      entry.reached = clip(locations)
      // A clock that was ahead when this was written must not make it the latest for ever.
      entry.lastConnectedMs = Math.min(lastConnectedMs, clock.nowMs())
    },
    learn(peer, locations) {
      if (peer === own) return
      const entry = ensure(peer)
      settle(entry)
      entry.told = clip(locations)
      // What it does not stand by any more was another address of it, once.
      entry.reached = entry.reached.filter(
        (each, index) => index === 0 || entry.told.includes(each),
      )
      touch(entry)
    },
    hear(from, peer, locations) {
      if (peer === own || locations.length === 0) return false
      const known = entries.get(peer)
      if (known === undefined) {
        if (!mayHear(from)) return false
        const entry = ensure(peer)
        entry.told = clip(locations)
        entry.source = from
        hearsay.set(from, (hearsay.get(from) ?? 0) + 1)
        return true
      }
      const room = MAX_ADDRESSES_PER_PEER - describe(known).locations.length
      const fresh = locations.filter((each) => !describe(known).locations.includes(each))
      known.told = [...known.told, ...fresh.slice(0, Math.max(0, room))]
      return false
    },
    connected(peer, location) {
      // Whoever comes in is known when it has told an address: strangers to us leave no trace.
      if (peer === own || (location === undefined && !entries.has(peer))) return
      const entry = ensure(peer)
      settle(entry)
      if (location !== undefined) entry.reached = clip([location, ...entry.reached])
      touch(entry)
    },
    forget(peer) {
      const entry = entries.get(peer)
      if (entry !== undefined && entry.configured.length === 0) drop(entry)
    },
    expire() {
      const limitMs = clock.nowMs() - KNOWN_PEER_TTL_MS
      for (const entry of [...entries.values()]) {
        if (entry.lastConnectedMs !== undefined && entry.lastConnectedMs < limitMs) {
          if (entry.configured.length === 0) drop(entry)
        }
      }
    },
    *shuffled() {
      const limitMs = clock.nowMs() - PASS_ON_TTL_MS
      const fresh = [...entries.values()].filter(
        ({ lastConnectedMs }) => (lastConnectedMs ?? 0) >= limitMs,
      )
      // Only as many places are drawn as are asked for.
      for (let left = fresh.length; left > 0; left--) {
        const at = random.below(left)
        const [entry, last] = [fresh[at], fresh[left - 1]]
        if (entry === undefined || last === undefined) return
        fresh[at] = last
        yield describe(entry)
      }
    },
    takeChanges() {
      const taken = changes
      changes = new Set()
      return taken
    },
  }
}
