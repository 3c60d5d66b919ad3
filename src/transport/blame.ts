import { AVOID_MS, FAULT_WINDOW_MS, MAX_FAULTS, MAX_FAULTY_PEERS } from './limits.ts'
import type { ErrorCode, MeshError } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Clock } from '../util/index.ts'

/** What one peer has done wrong since this node started. */
export interface Faults {
  /** From its certificate, as it was when it was blamed. */
  readonly name?: string
  readonly counts: Readonly<Partial<Record<ErrorCode, number>>>
}

/** Who has done what wrong, and who is avoided for it. */
export interface BlameBook {
  /** Notes a fault; `avoid`: this one was too many (or too grave), the peer is avoided from now on. */
  note(
    peer: PeerId,
    error: MeshError,
    name?: string,
  ): { readonly faults: number; readonly avoid: boolean }
  /** Wall clock, ms since the epoch; `undefined` if the peer is welcome. */
  avoidedUntilMs(peer: PeerId): number | undefined
  /** All that are avoided now. */
  avoided(): readonly PeerId[]
  /** All that are remembered, in order of their last faults. */
  faults(): ReadonlyMap<PeerId, Faults>
}

interface Entry {
  /** Monotonic times of the latest faults, at most {@link MAX_FAULTS} of them. */
  faultsMs: number[]
  avoidedUntilMonotonicMs: number
  name: string | undefined
  /** By code, of which there are few. */
  readonly counts: Map<ErrorCode, number>
}

/** Faults that no honest peer makes by accident: one is enough. */
const GRAVE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['ERR_SIGNATURE_INVALID'])

/** The faults of peers; bounded, in memory, and forgotten by a restart. */
export const createBlameBook = ({ clock }: { clock: Clock }): BlameBook => {
  const entries = new Map<PeerId, Entry>()

  const isAvoided = (entry: Entry): boolean => entry.avoidedUntilMonotonicMs > clock.monotonicMs()

  const makeRoom = (): void => {
    if (entries.size < MAX_FAULTY_PEERS) return
    // Those who are avoided now are kept if anybody else can go.
    for (const [peer, entry] of entries) {
      if (isAvoided(entry)) continue
      entries.delete(peer)
      return
    }
    const oldest = entries.keys().next()
    if (oldest.done !== true) entries.delete(oldest.value)
  }

  const entryOf = (peer: PeerId): Entry => {
    const known = entries.get(peer)
    if (known === undefined) makeRoom()
    const entry = known ?? {
      faultsMs: [],
      avoidedUntilMonotonicMs: 0,
      name: undefined,
      counts: new Map(),
    }
    // Moved to the end: the map's order is the order of last faults.
    entries.delete(peer)
    entries.set(peer, entry)
    return entry
  }

  return {
    note(peer, error, name) {
      const nowMs = clock.monotonicMs()
      const entry = entryOf(peer)
      entry.faultsMs = [...entry.faultsMs, nowMs]
        .filter((atMs) => nowMs - atMs < FAULT_WINDOW_MS)
        .slice(-MAX_FAULTS)
      entry.name = name ?? entry.name
      entry.counts.set(error.code, (entry.counts.get(error.code) ?? 0) + 1)
      const faults = entry.faultsMs.length
      const avoid = faults >= MAX_FAULTS || GRAVE.has(error.code)
      if (avoid) entry.avoidedUntilMonotonicMs = nowMs + AVOID_MS
      return { faults, avoid }
    },
    avoidedUntilMs(peer) {
      const entry = entries.get(peer)
      if (entry === undefined || !isAvoided(entry)) return undefined
      return clock.nowMs() + entry.avoidedUntilMonotonicMs - clock.monotonicMs()
    },
    avoided: () => [...entries].filter(([, entry]) => isAvoided(entry)).map(([peer]) => peer),
    faults: () =>
      new Map(
        [...entries].map(([peer, { name, counts }]) => [
          peer,
          { ...(name === undefined ? {} : { name }), counts: Object.fromEntries(counts) },
        ]),
      ),
  }
}
