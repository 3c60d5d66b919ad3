import type { PeerId } from '../keys/index.ts'
import type { Clock } from '../util/index.ts'
import type { AddressBook } from './address-book.ts'
import type { Attempts } from './attempts.ts'
import type { Peer, Transport } from './types.ts'

/** One peer that is connected, or known. */
export interface PeerStatus {
  readonly peerId: PeerId
  readonly bootstrap: boolean
  readonly connected: boolean
  /** Of the connection, or the best that is known. */
  readonly address?: string
  readonly name?: string
  readonly direction?: 'inbound' | 'outbound'
  /** Wall clock, ms since the epoch, here and below. */
  readonly connectedAtMs?: number
  readonly lastConnectedMs?: number
  /** Peers that it says it was connected to within a day; while it is connected. */
  readonly told?: readonly PeerId[]
  readonly roundTripMs?: number
  readonly avoidedUntilMs?: number
  /** Why the last attempt to connect failed; not while it is connected. */
  readonly lastError?: string
  /** When it is dialled next, if it is wanted. */
  readonly nextAttemptMs?: number
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The same without what is undefined. */
const defined = <T extends object>(fields: T): Defined<T> =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Defined<T>

interface Sources {
  readonly transport: Transport
  readonly book: AddressBook
  readonly attempts: Attempts
  readonly clock: Clock
  readonly told: ReadonlyMap<PeerId, readonly PeerId[]>
  readonly names: ReadonlyMap<PeerId, string>
}

const describeConnected = ({ transport, book, told }: Sources, peer: Peer): PeerStatus => {
  const { id, name, address, direction, connectedAtMs, roundTripMs } = peer
  const known = book.get(id)
  return {
    peerId: id,
    bootstrap: known?.bootstrap ?? false,
    connected: true,
    address,
    direction,
    connectedAtMs,
    ...defined({
      name,
      roundTripMs,
      lastConnectedMs: known?.lastConnectedMs,
      told: told.get(id),
      avoidedUntilMs: transport.avoidedUntilMs?.(id),
    }),
  }
}

const describeKnown = (
  { transport, book, attempts, clock, names }: Sources,
  id: PeerId,
): PeerStatus => {
  const known = book.get(id)
  const refusal = transport.refusal?.(id)
  // Nobody dials whom we would not let in, and why that is stands above why it failed before.
  const attempt = refusal === undefined ? attempts.get(id) : undefined
  const [location] = known?.locations ?? []
  const leftMs = attempt === undefined ? 0 : Math.max(0, attempt.dueMs - clock.monotonicMs())
  return {
    peerId: id,
    bootstrap: known?.bootstrap ?? false,
    connected: false,
    ...defined({
      name: names.get(id),
      address: location === undefined ? undefined : `${location}/p2p/${id}`,
      lastConnectedMs: known?.lastConnectedMs,
      avoidedUntilMs: transport.avoidedUntilMs?.(id),
      lastError: (refusal ?? attempt?.lastError)?.message,
      nextAttemptMs: attempt === undefined ? undefined : clock.nowMs() + leftMs,
    }),
  }
}

/** Connected peers, then those that are only known. */
export const describePeers = (sources: Sources): PeerStatus[] => {
  const peers = sources.transport.peers()
  const connected = new Set(peers.map(({ id }) => id))
  const others = [...sources.book.all()].filter(({ peer }) => !connected.has(peer))
  return [
    ...peers.map((peer) => describeConnected(sources, peer)),
    ...others.map(({ peer }) => describeKnown(sources, peer)),
  ]
}
