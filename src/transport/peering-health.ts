import { MAX_LONELY_REASONS, MAX_REFUSING_PEERS, NO_PEERS_WARNING_MS } from './limits.ts'
import type { MeshError } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Health } from '../observe/index.ts'
import type { Cancel, Clock } from '../util/index.ts'

/** Tells health when nobody is connected, and when others refuse us. */
export interface PeeringHealth {
  start(): void
  /** The first peer is connected, or the last one gone. */
  setConnected(connected: boolean): void
  failed(peer: PeerId, error: MeshError): void
  connected(peer: PeerId): void
  stop(): void
}

/** Reasons to refuse us that somebody has to do something about. */
const isOurFault = (reason: unknown): reason is string =>
  typeof reason === 'string' && reason.startsWith('ERR_CERTIFICATE_')

export const createPeeringHealth = (
  { clock, health }: { clock: Clock; health: Health },
  { hasBootstrapPeers }: { hasBootstrapPeers: boolean },
): PeeringHealth => {
  let cancel: Cancel | undefined
  let lonely = false
  /** Latest failures by peer; only the latest few are kept. */
  const failures = new Map<PeerId, MeshError>()
  const refusals = new Map<string, Map<PeerId, MeshError>>()

  const raiseLonely = (): void => {
    lonely = true
    const reasons = [...failures.values()].map(({ message }) => message).join('; ')
    health.raise({
      code: 'no-peers',
      subject: '',
      severity: 'error',
      message: `no peer is connected${reasons === '' ? '' : `: ${reasons}`}`,
    })
  }

  const raiseRefusal = (reason: string): void => {
    const peers = refusals.get(reason)
    const [last] = [...(peers?.values() ?? [])].slice(-1)
    if (peers === undefined || last === undefined) {
      refusals.delete(reason)
      health.clear('peer-refused-us', reason)
      return
    }
    const others =
      peers.size > 1 ? `, and ${peers.size - 1} more refuse us for the same reason` : ''
    health.raise({
      code: 'peer-refused-us',
      subject: reason,
      severity: 'error',
      message: `${last.message}${others}`,
    })
  }

  /** Forgets why `peer` refused us, but for a reason that it has given again. */
  const forgive = (peer: PeerId, except?: string): void => {
    for (const [reason, peers] of refusals) {
      if (reason !== except && peers.delete(peer)) raiseRefusal(reason)
    }
  }

  const stopWaiting = (): void => {
    cancel?.()
    cancel = undefined
    if (lonely) health.clear('no-peers')
    lonely = false
  }

  const setConnected = (connected: boolean): void => {
    stopWaiting()
    if (connected) failures.clear()
    else if (hasBootstrapPeers) cancel = clock.schedule(NO_PEERS_WARNING_MS, raiseLonely)
  }

  return {
    start: () => setConnected(false),
    setConnected,
    failed(peer, error) {
      failures.delete(peer)
      failures.set(peer, error)
      const [oldest] = failures.keys()
      if (failures.size > MAX_LONELY_REASONS && oldest !== undefined) failures.delete(oldest)
      if (lonely) raiseLonely()
      const { reason } = error.data
      const isOurs = error.code === 'ERR_PEER_REFUSED' && isOurFault(reason)
      forgive(peer, isOurs ? reason : undefined)
      if (!isOurs) return
      const peers = refusals.get(reason) ?? new Map<PeerId, MeshError>()
      refusals.set(reason, peers.set(peer, error))
      const [first] = peers.keys()
      if (peers.size > MAX_REFUSING_PEERS && first !== undefined) peers.delete(first)
      raiseRefusal(reason)
    },
    connected: (peer) => forgive(peer),
    stop() {
      stopWaiting()
      for (const reason of refusals.keys()) health.clear('peer-refused-us', reason)
      refusals.clear()
    },
  }
}
