import { MeshError, toMeshError } from '../errors/index.ts'
import { createTokenBucket } from '../util/index.ts'
import { createAddressBook } from './address-book.ts'
import { createAttempts } from './attempts.ts'
import {
  DEFAULT_TARGET_CONNECTIONS,
  MAX_BACKOFF_MS,
  MAX_HEARSAY_DIALS_PER_MINUTE,
  MAX_HEARSAY_FAILURES,
  MAX_IDLE_BACKOFF_MS,
  MAX_KNOWN_PEERS,
  MAX_PARALLEL_DIALS,
  MAX_TOLD_ANEW_INTERVAL_MS,
  PEER_EXCHANGE_HUNGRY_INTERVAL_MS,
  PEER_EXCHANGE_INTERVAL_MS,
  STABLE_CONNECTION_MS,
} from './limits.ts'
import { createPeerExchanger, tcpAddressRules } from './peer-exchange.ts'
import { createPeerStore } from './peer-store.ts'
import { createPeeringHealth } from './peering-health.ts'
import { describePeers } from './peering-status.ts'
import type { PeerId } from '../keys/index.ts'
import type { Health, Logger, Worker, Workers } from '../observe/index.ts'
import type { Store } from '../store/index.ts'
import type { Clock, Random } from '../util/index.ts'
import type { KnownPeer } from './address-book.ts'
import type { AddressRules } from './peer-exchange.ts'
import type { PeerStatus } from './peering-status.ts'
import type { Discoveries, Peer, Transport } from './types.ts'

export interface PeeringComponents {
  readonly transport: Transport
  /** Remembers who was reached. */
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly workers: Workers
  readonly health: Health
}

export interface PeeringInit {
  /** Multiaddrs with peer id; dialled for ever. */
  readonly bootstrapPeers: readonly string[]
  /** Connections that are kept up by dialling random known peers. @default 24 */
  readonly targetConnections?: number
  /** @default addresses of TCP */
  readonly addressRules?: AddressRules
}

/** Keeps this node connected. */
export interface Peering {
  /** Begins dialling at once; after the transport. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Connected peers and known ones, connected first. */
  status(): readonly PeerStatus[]
  /** Somebody says where a peer may be reached. */
  suggest(peer: PeerId, locations: readonly string[]): void
}

/** How often the address book is written, if it has changed. */
const SAVE_INTERVAL_MS = 60_000
const SAVE_SOON_MS = 2_000
/** When hearsay is looked at again that there was no room for. */
const HEARSAY_RETRY_MS = 1_000
/** A connected peer's entry is renewed this often, so that a crash does not make it look old. */
const RENEW_MS = 60 * 60_000

/** Errors that another address of the same peer would only repeat. */
const isVerdict = ({ code }: MeshError): boolean =>
  code === 'ERR_PEER_REFUSED' || code.startsWith('ERR_CERTIFICATE_') || code === 'ERR_ABORTED'

/**
 * Dials bootstrap peers for ever, learns of others from those it meets, keeps a number of
 * connections to random ones, and remembers whom it reached, so that each can be the next
 * bootstrap peer. Registers the protocol of peer exchange: make it before the transport starts.
 *
 * @throws MeshError `ERR_ADDRESS_INVALID` for a bootstrap peer that is no usable multiaddr
 */
export const createPeering = (components: PeeringComponents, init: PeeringInit): Peering => {
  const { transport, store, clock, random, logger, workers, health } = components
  const target = init.targetConnections ?? DEFAULT_TARGET_CONNECTIONS
  const rules = init.addressRules ?? tcpAddressRules
  const book = createAddressBook({ clock, random }, { own: transport.peerId })
  const attempts = createAttempts({ clock, random })
  const hearsayDials = createTokenBucket(
    { clock },
    { perSecond: MAX_HEARSAY_DIALS_PER_MINUTE / 60, burst: MAX_HEARSAY_DIALS_PER_MINUTE },
  )
  for (const address of init.bootstrapPeers) {
    const { peer, location } = rules.parse(address)
    book.addBootstrap(peer, location)
  }
  const exchanger = createPeerExchanger(
    { transport, book, clock },
    {
      rules,
      onLearned(news) {
        if (news) running?.dialler.wake()
        running?.saver.wake(SAVE_SOON_MS)
      },
      onTold(from, peers) {
        if (!since.has(from)) return
        const all = [...new Set([...(told.get(from) ?? []), ...peers])]
        told.set(from, all.slice(-MAX_KNOWN_PEERS))
      },
    },
  )
  const peerStore = createPeerStore(
    { store, book, logger },
    { isUsable: (each) => rules.isUsable(each) },
  )
  const warnings = createPeeringHealth(
    { clock, health },
    { hasBootstrapPeers: init.bootstrapPeers.length > 0 },
  )
  const dialling = new Map<PeerId, Promise<void>>()
  /** Monotonic time of each connection's beginning. */
  const since = new Map<PeerId, number>()
  /** Of connected peers: whom they say they were connected to. */
  const told = new Map<PeerId, readonly PeerId[]>()
  /** Of their certificates, as they were last here. */
  const names = new Map<PeerId, string>()
  let hungryMs = PEER_EXCHANGE_HUNGRY_INTERVAL_MS
  /** Peers are asked to tell what they have told already, as long as there are too few of them. */
  let anewMs = PEER_EXCHANGE_HUNGRY_INTERVAL_MS
  let anewDueMs = 0
  let controller = new AbortController()
  let running: { dialler: Worker; exchange: Worker; saver: Worker } | undefined

  const isAvoided = (peer: PeerId): boolean => transport.avoidedUntilMs?.(peer) !== undefined
  const isRefused = (peer: PeerId): boolean => transport.refusal?.(peer) !== undefined
  const connectedCount = (): number => transport.peers().length

  const dialOnce = async (known: KnownPeer): Promise<void> => {
    let last: MeshError | undefined
    for (const location of known.locations) {
      try {
        await transport.dial(`${location}/p2p/${known.peer}`, { signal: controller.signal })
        book.connected(known.peer, location)
        return
      } catch (error) {
        last = toMeshError(error)
        if (isVerdict(last)) break
      }
    }
    throw last ?? new MeshError('ERR_ADDRESS_INVALID', `no address of ${known.peer} is known`)
  }

  const onDialFailed = (known: KnownPeer, error: MeshError): void => {
    if (controller.signal.aborted) return
    const { peer } = known
    const wanted = known.bootstrap && connectedCount() < target
    attempts.failed(peer, error, wanted ? MAX_BACKOFF_MS : MAX_IDLE_BACKOFF_MS)
    warnings.failed(peer, error)
    logger.debug({ peer, code: error.code }, `a peer was not reached: ${error.message}`)
    const { failures } = attempts.get(peer) ?? { failures: 0 }
    if (known.bootstrap || known.lastConnectedMs !== undefined) return
    if (failures < MAX_HEARSAY_FAILURES) return
    book.forget(peer)
    attempts.forget(peer)
  }

  const dial = (known: KnownPeer): void => {
    const done = dialOnce(known)
      .catch((error: unknown) => onDialFailed(known, toMeshError(error)))
      .finally(() => {
        dialling.delete(known.peer)
        running?.dialler.wake()
      })
    dialling.set(known.peer, done)
  }

  /** Who may be dialled, in the order in which we would: bootstrap, reached once, hearsay. */
  const candidates = (): KnownPeer[] => {
    const connected = new Set(transport.peers().map(({ id }) => id))
    const free = [...book.all()].filter(
      ({ peer, locations }) =>
        locations.length > 0 && !connected.has(peer) && !dialling.has(peer) && !isAvoided(peer),
    )
    const rank = ({ bootstrap, lastConnectedMs }: KnownPeer): number =>
      bootstrap ? 0 : lastConnectedMs === undefined ? 2 : 1
    return free
      .map((known) => ({ known, order: rank(known) + random.fraction() }))
      .sort((a, b) => a.order - b.order)
      .map(({ known }) => known)
  }

  /** Whoever was reached once, or is configured, is no matter of anybody's word. */
  const isAffordable = ({ bootstrap, lastConnectedMs, locations }: KnownPeer): boolean =>
    bootstrap || lastConnectedMs !== undefined || hearsayDials.tryTake(locations.length)

  /** Dials whoever is due, and says when the next one will be. */
  const dialDue = (): number | undefined => {
    const nowMs = clock.monotonicMs()
    const connected = connectedCount()
    let nextMs: number | undefined
    for (const known of candidates()) {
      const missing = target - connected - dialling.size
      if (!known.bootstrap && missing <= 0) continue
      const waitMs = attempts.dueMs(known.peer) - nowMs
      if (waitMs > 0) nextMs = Math.min(nextMs ?? waitMs, waitMs)
      // It takes reading a key: last, since somebody may have told of a thousand peers.
      else if (isRefused(known.peer)) continue
      else if (dialling.size >= MAX_PARALLEL_DIALS) continue
      else if (isAffordable(known)) dial(known)
      else nextMs = Math.min(nextMs ?? HEARSAY_RETRY_MS, HEARSAY_RETRY_MS)
    }
    return nextMs
  }

  const askSomebody = async (signal: AbortSignal): Promise<void> => {
    const peers = transport.peers()
    const peer = peers[peers.length === 0 ? 0 : random.below(peers.length)]
    if (peer !== undefined) await ask(peer, signal)
  }

  /** What one peer does not tell, another one will: a failure is no news. */
  const ask = async (peer: Peer, signal: AbortSignal): Promise<void> => {
    const nowMs = clock.monotonicMs()
    const anew = connectedCount() < target && nowMs >= anewDueMs
    const news = await exchanger.ask(peer, { anew, signal }).catch((error: unknown) => {
      if (!signal.aborted) logger.debug({ peer: peer.id, error }, 'a peer did not tell its peers')
      return false
    })
    // In a small mesh everybody is known soon: asking for more becomes rare.
    hungryMs = news
      ? PEER_EXCHANGE_HUNGRY_INTERVAL_MS
      : Math.min(hungryMs * 2, PEER_EXCHANGE_INTERVAL_MS)
    if (news) anewMs = PEER_EXCHANGE_HUNGRY_INTERVAL_MS
    else if (anew) anewMs = Math.min(anewMs * 2, MAX_TOLD_ANEW_INTERVAL_MS)
    if (news || anew) anewDueMs = nowMs + anewMs
    if (connectedCount() < target) running?.exchange.wake(hungryMs)
  }

  const onConnect = (peer: Peer): void => {
    since.set(peer.id, clock.monotonicMs())
    if (peer.name !== undefined) names.set(peer.id, peer.name)
    book.connected(peer.id)
    running?.saver.wake(SAVE_SOON_MS)
    warnings.connected(peer.id)
    if (since.size === 1) warnings.setConnected(true)
    // Both sides tell in one exchange: whoever dialled asks at once, the other one later, if at all.
    if (peer.direction === 'outbound') void ask(peer, controller.signal)
    else if (connectedCount() < target) running?.exchange.wake(hungryMs)
  }

  const onDisconnect = (peer: Peer): void => {
    const lastedMs = clock.monotonicMs() - (since.get(peer.id) ?? clock.monotonicMs())
    since.delete(peer.id)
    told.delete(peer.id)
    exchanger.forget(peer.id)
    if (lastedMs >= STABLE_CONNECTION_MS) attempts.succeeded(peer.id)
    if (book.get(peer.id) !== undefined) {
      attempts.failed(peer.id, attempts.get(peer.id)?.lastError)
    }
    if (since.size === 0) warnings.setConnected(false)
    running?.saver.wake(SAVE_SOON_MS)
    running?.dialler.wake()
  }

  const suggest = (peer: PeerId, locations: readonly string[]): void => {
    const usable = locations.filter((location) => rules.isUsable(location))
    if (book.hear(peer, peer, usable)) running?.dialler.wake()
  }

  const onDiscovery = ({ peer, locations }: Discoveries['peer'][0]): void =>
    suggest(peer, locations)

  const save = async (): Promise<void> => {
    const oldMs = clock.nowMs() - RENEW_MS
    for (const { id } of transport.peers()) {
      if ((book.get(id)?.lastConnectedMs ?? 0) < oldMs) book.connected(id)
    }
    // After it, or a clock that jumps would make us forget who is connected.
    book.expire()
    attempts.prune((peer) => book.get(peer) !== undefined)
    for (const peer of names.keys()) if (book.get(peer) === undefined) names.delete(peer)
    await peerStore.save()
  }

  const startWorkers = (): NonNullable<typeof running> => {
    const dialler = workers.add({
      name: 'peering',
      intervalMs: MAX_BACKOFF_MS,
      async run() {
        const nextMs = dialDue()
        if (nextMs !== undefined) dialler.wake(Math.max(1, nextMs))
      },
    })
    return {
      dialler,
      exchange: workers.add({
        name: 'peer-exchange',
        intervalMs: PEER_EXCHANGE_INTERVAL_MS,
        run: askSomebody,
      }),
      saver: workers.add({ name: 'peers-save', intervalMs: SAVE_INTERVAL_MS, run: save }),
    }
  }

  return {
    async start() {
      if (running !== undefined) return
      controller = new AbortController()
      anewDueMs = clock.monotonicMs() + anewMs
      peerStore.load()
      transport.events.on('connect', onConnect)
      transport.events.on('disconnect', onDisconnect)
      transport.discoveries?.on('peer', onDiscovery)
      running = startWorkers()
      warnings.start()
      for (const peer of transport.peers()) onConnect(peer)
      running.dialler.wake()
    },
    async stop() {
      if (running === undefined) return
      const { dialler, exchange, saver } = running
      running = undefined
      controller.abort()
      transport.events.off('connect', onConnect)
      transport.events.off('disconnect', onDisconnect)
      transport.discoveries?.off('peer', onDiscovery)
      warnings.stop()
      await Promise.all([dialler.stop(), exchange.stop(), saver.stop(), ...dialling.values()])
      await peerStore.save().catch((error: unknown) => {
        logger.warn({ error }, 'the addresses of peers could not be saved')
      })
    },
    status: () => describePeers({ transport, book, attempts, clock, told, names }),
    suggest,
  }
}
