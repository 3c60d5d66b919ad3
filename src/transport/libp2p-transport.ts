import { EventEmitter } from 'node:events'
import { MeshError, toMeshError } from '../errors/index.ts'
import { MAX_PSKS, peerIdFromPublicKey, PSK_BYTES } from '../keys/index.ts'
import { equalBytes } from '../util/index.ts'
import { checkListenAddress, readLocation } from './address.ts'
import { createBlameBook } from './blame.ts'
import { createDialler } from './dialler.ts'
import { createGoneNames } from './gone-names.ts'
import { createHandshakes } from './handshakes.ts'
import { createLibp2pNode, startLibp2pNode } from './libp2p-node.ts'
import { DEFAULT_MAX_CONNECTIONS, DEFAULT_MAX_INBOUND_BYTES_PER_SECOND } from './limits.ts'
import { answerPings, PING_INIT, PING_PROTOCOL, startLiveness } from './liveness.ts'
import { abortConnection, createMembers } from './members.ts'
import { createRefusalLog } from './refusal-log.ts'
import { createStreams, MAX_STREAMS_OF_ONE_PROTOCOL } from './streams.ts'
import type { Connection } from '@libp2p/interface'
import type { ErrorCode } from '../errors/index.ts'
import type { PeerId, PrivateKey } from '../keys/index.ts'
import type { Logger, Worker, Workers } from '../observe/index.ts'
import type { Clock, Random } from '../util/index.ts'
import type { Libp2pNode } from './libp2p-node.ts'
import type { LivenessLink } from './liveness.ts'
import type { Membership } from './membership.ts'
import type { Session } from './session.ts'
import type { Served } from './streams.ts'
import type { Discoveries, Peer, Transport, TransportEvents } from './types.ts'

export interface Libp2pTransportInit {
  /** Multiaddrs, as `/ip4/0.0.0.0/tcp/7946`; none: this node only dials. */
  readonly listen: readonly string[]
  /** Multiaddrs to tell others instead of those that are listened on. @default none */
  readonly announce?: readonly string[]
  /** Keys of the private network: the first for dialling, all of them for answering. @default none */
  readonly psks?: readonly Uint8Array[]
  /** @default 128 */
  readonly maxConnections?: number
  /** Bytes a second that one connection may send us. @default 512 MiB */
  readonly maxInboundBytesPerSecond?: number
  /** Looks for peers in a DHT of this network's members. @default not enabled */
  readonly dht?: { readonly enabled: boolean }
}

export interface Libp2pTransportComponents {
  readonly identity: PrivateKey
  readonly membership: Membership
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly workers: Workers
}

/** What is open now, and how often something went wrong since the start, by error code. */
export interface TransportCounts {
  /** To members; two nodes that dial each other at once have two for a while. */
  readonly connections: number
  /** Connections that are not a member's yet. */
  readonly handshakes: number
  /** Connections of strangers that did not become a member's. */
  readonly refused: Readonly<Partial<Record<ErrorCode, number>>>
  /** Streams that their handler gave up. */
  readonly handlerErrors: Readonly<Partial<Record<ErrorCode, number>>>
  /** Faults held against peers. */
  readonly faults: Readonly<Partial<Record<ErrorCode, number>>>
}

export interface Libp2pTransport extends Transport {
  /** Replaces what is asked for and shown; connections without a right under it are closed. */
  setMembership(membership: Membership): void
  /**
   * Replaces the pre-shared keys for handshakes from now on; when one is withdrawn, all connections
   * end and come back under those that are left. Whether there are any is settled at the start.
   *
   * @throws MeshError `ERR_PSK_MALFORMED`
   */
  setPsks(psks: readonly Uint8Array[]): void
  counts(): TransportCounts
}

const createCounter = () => {
  const counts = new Map<ErrorCode, number>()
  return {
    add: (code: ErrorCode): void => void counts.set(code, (counts.get(code) ?? 0) + 1),
    read: (): Partial<Record<ErrorCode, number>> => Object.fromEntries(counts),
  }
}

const checkPsks = (psks: readonly Uint8Array[]): void => {
  for (const psk of psks) {
    if (psk.length !== PSK_BYTES) {
      throw new MeshError('ERR_PSK_MALFORMED', `a pre-shared key has ${PSK_BYTES} bytes`)
    }
  }
  if (psks.length > MAX_PSKS) {
    throw new MeshError('ERR_PSK_MALFORMED', `at most ${MAX_PSKS} pre-shared keys can be in use`)
  }
}

const checkInit = (init: Libp2pTransportInit): { listen: string[]; announce: string[] } => {
  checkPsks(init.psks ?? [])
  const announce = (init.announce ?? []).map((text) => {
    const location = text.replace(/\/p2p\/[^/]*$/, '')
    if (readLocation(location) !== undefined) return location
    throw new MeshError('ERR_ADDRESS_INVALID', `cannot announce ${JSON.stringify(text)}`)
  })
  return { listen: init.listen.map(checkListenAddress), announce }
}

/** Members over TCP, Noise and Yamux, inside a private network if there are pre-shared keys. */
export const createLibp2pTransport = (
  { identity, clock, random, logger, workers, ...components }: Libp2pTransportComponents,
  init: Libp2pTransportInit,
): Libp2pTransport => {
  const { listen, announce } = checkInit(init)
  // One list for good: the private network reads it at each handshake.
  const psks = [...(init.psks ?? [])]
  const maxConnections = init.maxConnections ?? DEFAULT_MAX_CONNECTIONS
  const own = peerIdFromPublicKey(identity.publicKey)
  const events = new EventEmitter<TransportEvents>()
  const discoveries = new EventEmitter<Discoveries>()
  const protocols = new Map<string, Served>()
  const blamed = createBlameBook({ clock })
  const refusals = createRefusalLog({ clock, logger })
  const gone = createGoneNames()
  const counters = { refused: createCounter(), handlers: createCounter(), faults: createCounter() }
  let membership = components.membership
  let running: { node: Libp2pNode; liveness: Worker } | undefined
  let changing: Promise<void> = Promise.resolve()

  /** One listener that fails keeps the event from nobody else. */
  const emit = (event: keyof TransportEvents, peer: Peer): void => {
    for (const listener of events.rawListeners(event)) {
      try {
        listener.call(events, peer)
      } catch (error) {
        logger.error({ peer: peer.id, error }, `a listener for ${event} failed`)
      }
    }
  }

  const onDiscovered = (peer: PeerId, locations: readonly string[]): void => {
    try {
      discoveries.emit('peer', { peer, locations })
    } catch (error) {
      logger.error({ peer, error }, 'a listener for discovered peers failed')
    }
  }

  const members = createMembers(
    { clock, logger },
    {
      own,
      membership: () => membership,
      onConnect(peer) {
        refusals.admitted(peer.id)
        emit('connect', peer)
      },
      onDisconnect(peer) {
        gone.add(peer)
        emit('disconnect', peer)
      },
    },
  )

  const refuse = (address: string, error: MeshError): void => {
    counters.refused.add(error.code)
    refusals.refused(address, error)
  }

  const handshakes = createHandshakes(
    { clock },
    { onFailed: ({ address }, error) => refuse(address, error) },
  )

  const isAvoided = (peer: PeerId): boolean => blamed.avoidedUntilMs(peer) !== undefined

  const checkPlace = (peer: PeerId): void => {
    if (isAvoided(peer)) {
      const what = `${peer} is avoided for a while after its faults`
      throw new MeshError('ERR_PEER_MISBEHAVED', what, { data: { peer } })
    }
    if (members.connectionCount < maxConnections) return
    const what = `all ${maxConnections} connections are in use`
    throw new MeshError('ERR_LIMIT_EXCEEDED', what, { data: { peer } })
  }

  const blame = (peer: PeerId, error: MeshError, known?: string): void => {
    const name = members.peer(peer)?.name ?? known ?? gone.of(peer)
    const { faults, avoid } = blamed.note(peer, error, name)
    counters.faults.add(error.code)
    const facts = { peer, name, code: error.code, faults, avoided: avoid }
    logger.warn(facts, `a peer broke the rules: ${error.message}`)
    if (!avoid) return
    const reason = new MeshError('ERR_PEER_MISBEHAVED', `${peer} is avoided: ${error.message}`, {
      cause: error,
      data: { peer },
    })
    members.cut(peer, reason)
  }

  const streams = createStreams(
    { clock, logger, members },
    {
      blame,
      onFailed: (error) => counters.handlers.add(error.code),
    },
  )

  /**
   * Whoever was let in may take its time to agree on a multiplexer, and lose its right meanwhile: kept
   * for that, such a connection would outlive a revocation.
   */
  const isStillWelcome = (connection: Connection, session: Session): boolean => {
    try {
      checkPlace(session.peer)
      session.admission = membership.admit(session.certificate, session.peer)
      return true
    } catch (error) {
      const reason = toMeshError(error)
      refuse(connection.remoteAddr.toString(), reason)
      abortConnection(connection, reason)
      return false
    }
  }

  const startNode = async (): Promise<void> => {
    const node = await createLibp2pNode(
      { identity, clock, random, handshakes },
      {
        listen,
        psks,
        maxConnections,
        maxInboundBytesPerSecond:
          init.maxInboundBytesPerSecond ?? DEFAULT_MAX_INBOUND_BYTES_PER_SECOND,
        membership: () => membership,
        announce,
        dht: init.dht?.enabled ?? false,
        checkPlace,
        isAvoided,
        onDiscovered,
        onBreach: ({ peer, admission }, error) => blame(peer, error, admission.name),
        onRefused: refuse,
        onOpen(connection) {
          // Its end, if it came while it was being made, is told to nobody.
          if (connection.status !== 'open') return
          const session = handshakes.complete(connection)
          if (session === undefined) abortConnection(connection, new Error('not admitted'))
          else if (isStillWelcome(connection, session)) members.add(connection, session)
        },
        onClose: members.remove,
      },
    )
    for (const [protocol, served] of protocols) {
      await node.handle(protocol, streams.serve(served), {
        maxInboundStreams: MAX_STREAMS_OF_ONE_PROTOCOL,
        maxOutboundStreams: MAX_STREAMS_OF_ONE_PROTOCOL,
      })
    }
    await startLibp2pNode(node, listen)
    const liveness = startLiveness(
      { clock, random, workers },
      { links: livenessLinks, onRoundTrip: members.setRoundTrip, onRound: members.trim },
    )
    running = { node, liveness }
  }

  const stopNode = async (): Promise<void> => {
    if (running === undefined) return
    const { node, liveness } = running
    running = undefined
    // Cut first: a ping under way would be waited for.
    members.stop()
    await liveness.stop()
    await node.stop()
    for (const connection of node.getConnections()) members.remove(connection)
  }

  /** Starting and stopping take turns. */
  const change = (work: () => Promise<void>): Promise<void> => {
    const done = changing.then(work)
    changing = done.catch(() => {})
    return done
  }

  const livenessLinks = function* (): Iterable<LivenessLink> {
    for (const { id: peer } of members.peers()) {
      const link = members.preferred(peer)
      if (link === undefined) continue
      yield {
        key: link,
        peer,
        heardMs: () => link.session.heardMs,
        open: (signal) =>
          streams.open(link, { protocol: PING_PROTOCOL, limits: PING_INIT, signal }),
        cut(reason) {
          logger.info({ peer, code: reason.code }, `connection closed: ${reason.message}`)
          members.cut(peer, reason)
        },
      }
    }
  }

  const dial = createDialler(
    { clock, handshakes, members },
    { own, node: () => running?.node, isAvoided, hasPsk: () => psks.length > 0 },
  )

  protocols.set(PING_PROTOCOL, { init: PING_INIT, handler: answerPings })

  return {
    peerId: own,
    events,
    discoveries,
    start: () => change(async () => (running === undefined ? startNode() : undefined)),
    stop: () => change(stopNode),
    handle(protocol, limits, handler) {
      if (running !== undefined || protocols.has(protocol)) {
        throw new MeshError(
          'ERR_INTERNAL',
          `${protocol} must be handled once, and before the start`,
        )
      }
      protocols.set(protocol, { init: limits, handler })
    },
    async open(peer, protocol, limits, options) {
      const link = members.preferred(peer)
      if (link !== undefined) return streams.open(link, { protocol, limits, ...options })
      throw new MeshError('ERR_PEER_UNREACHABLE', `${peer} is not connected`, { data: { peer } })
    },
    dial: (address, options) => dial(address, options?.signal),
    async hangUp(peer) {
      await members.close(peer, new MeshError('ERR_STREAM_CLOSED', `this node hung up on ${peer}`))
    },
    peers: members.peers,
    addresses() {
      const node = running?.node
      if (node === undefined) return []
      const locations = announce.length > 0 ? announce : node.services.listeners.addresses()
      return locations.map((location) => `${location}/p2p/${own}`)
    },
    blame,
    avoidedUntilMs: blamed.avoidedUntilMs,
    refusal: (peer) => membership.refusal(peer),
    faults: blamed.faults,
    setMembership(next) {
      membership = next
      members.judge(next)
    },
    setPsks(next) {
      checkPsks(next)
      if (next.length === 0 || psks.length === 0) return
      const withdrawn = psks.some((psk) => !next.some((other) => equalBytes(psk, other)))
      psks.splice(0, psks.length, ...next)
      if (!withdrawn) return
      const reason = new MeshError('ERR_STREAM_CLOSED', 'a pre-shared key was withdrawn')
      handshakes.cut(reason)
      for (const { id } of members.peers()) members.cut(id, reason)
    },
    counts: () => ({
      connections: members.connectionCount,
      handshakes: handshakes.pending,
      refused: counters.refused.read(),
      handlerErrors: counters.handlers.read(),
      faults: counters.faults.read(),
    }),
  }
}
