import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import { isMeshError, MeshError } from '../errors/index.ts'
import { parsePeerId } from '../keys/index.ts'
import { loadDht } from './dht.ts'
import { GuardedConnection } from './guarded-connection.ts'
import { fromLibp2pPeerId, toLibp2pKey } from './identity.ts'
import {
  CONNECTION_CLOSE_TIMEOUT_MS,
  DIAL_TIMEOUT_MS,
  HANDSHAKE_TIMEOUT_MS,
  MAX_DHT_PEERS,
  MAX_PARALLEL_DIALS,
  MAX_PENDING_HANDSHAKES,
  SOCKET_IDLE_TIMEOUT_MS,
  STREAM_OPEN_TIMEOUT_MS,
} from './limits.ts'
import { membershipExchange } from './membership-exchange.ts'
import { guardedMultiplexer } from './multiplexer.ts'
import { privateNetwork } from './private-network.ts'
import { createRememberedPeers } from './remembered-peers.ts'
import type { Connection, Libp2p, MessageStream } from '@libp2p/interface'
import type { Libp2pOptions } from 'libp2p'
import type { PeerId, PrivateKey } from '../keys/index.ts'
import type { Clock, Random } from '../util/index.ts'
import type { Handshakes } from './handshakes.ts'
import type { Admission, Membership } from './membership.ts'
import type { Session } from './session.ts'

/** libp2p asks for an end; a listening address has none. */
const FOR_EVER_MS = 1e15
/** A number for limits of libp2p that we keep ourselves, with better words. */
const OURS = 1_000_000

interface Listeners {
  /** Multiaddrs that are listened on, without peer id; wildcards stand for all interfaces. */
  addresses(): string[]
  /** Makes libp2p believe that these can be dialled; it has nobody to ask. */
  confirm(): void
}

interface Services extends Record<string, unknown> {
  readonly listeners: Listeners
}

export type Libp2pNode = Libp2p<Services>

export interface Libp2pNodeInit {
  readonly listen: readonly string[]
  readonly psks: readonly Uint8Array[]
  /** Told to others by the DHT. */
  readonly announce: readonly string[]
  readonly dht: boolean
  readonly maxConnections: number
  readonly maxInboundBytesPerSecond: number
  membership(): Membership
  /** Limits that hold even for members. @throws MeshError */
  checkPlace(peer: PeerId): void
  isAvoided(peer: PeerId): boolean
  /** The DHT has heard where a peer can be reached. */
  onDiscovered(peer: PeerId, locations: readonly string[]): void
  onBreach(session: Session, error: MeshError): void
  onRefused(address: string, error: MeshError): void
  onOpen(connection: Connection): void
  onClose(connection: Connection): void
}

interface Components {
  readonly identity: PrivateKey
  readonly clock: Clock
  readonly random: Random
  readonly handshakes: Handshakes
}

const guardOf = (connection: MessageStream): GuardedConnection => {
  if (connection instanceof GuardedConnection) return connection
  throw new MeshError('ERR_INTERNAL', 'a connection that was not guarded from its beginning')
}

/** The steps that a connection goes through, joined to the record of its handshake. */
const createSteps = ({ clock, random, handshakes }: Components, init: Libp2pNodeInit) => {
  const admitted = new WeakMap<MessageStream, Session>()
  const admit = (certificate: string | undefined, peer: PeerId): Admission => {
    init.checkPlace(peer)
    return init.membership().admit(certificate, peer)
  }
  return {
    protector: privateNetwork(
      { clock, random },
      { psks: init.psks, onProtected: handshakes.wrap, onRefused: handshakes.fail },
    ),
    encrypter: membershipExchange(
      { clock },
      {
        own: () => init.membership().own,
        admit,
        onStage(connection, stage) {
          handshakes.reach(connection, stage)
          if (stage === 'secured') guardOf(connection).expectMember()
        },
        onFailed: handshakes.fail,
        onAdmitted(connection, secured, session) {
          guardOf(connection).lift()
          handshakes.admit(connection, session)
          admitted.set(secured, session)
        },
      },
    ),
    multiplexer: guardedMultiplexer(
      { clock },
      {
        maxInboundBytesPerSecond: init.maxInboundBytesPerSecond,
        sessionOf: (secured) => admitted.get(secured),
        onBreach: init.onBreach,
      },
    ),
  }
}

const quiet = (() => {
  const log = Object.assign(() => {}, {
    error: () => {},
    trace: () => {},
    enabled: false,
    newScope: () => log,
  })
  return { forComponent: () => log }
})()

const withoutPeerId = (address: string): string => address.replace(/\/p2p\/[^/]*$/, '')

/** Makes a node that listens, dials and admits members, and does nothing else by itself. */
export const createLibp2pNode = async (
  components: Components,
  init: Libp2pNodeInit,
): Promise<Libp2pNode> => {
  const { handshakes, identity } = components
  const steps = createSteps(components, init)
  const options: Libp2pOptions<Services> = {
    start: false,
    privateKey: await toLibp2pKey(identity),
    // Its log is for those who debug libp2p itself; what matters is told by ours.
    ...(process.env.DEBUG?.includes('libp2p') ? {} : { logger: quiet }),
    addresses: { listen: [...init.listen], announce: [...init.announce] },
    transports: [
      tcp({
        inboundSocketInactivityTimeout: SOCKET_IDLE_TIMEOUT_MS,
        outboundSocketInactivityTimeout: SOCKET_IDLE_TIMEOUT_MS,
        maxConnections: init.maxConnections + MAX_PENDING_HANDSHAKES,
      }),
    ],
    connectionProtector: steps.protector,
    connectionEncrypters: [steps.encrypter],
    streamMuxers: [steps.multiplexer],
    connectionGater: {
      denyInboundConnection(connection) {
        try {
          handshakes.begin(connection)
          return false
        } catch (error) {
          if (isMeshError(error)) init.onRefused(connection.remoteAddr.toString(), error)
          return true
        }
      },
      denyDialPeer: (id) => init.isAvoided(fromLibp2pPeerId(id)),
      denyOutboundConnection(_, connection) {
        handshakes.begin(connection)
        return false
      },
    },
    connectionManager: {
      maxConnections: OURS,
      maxIncomingPendingConnections: OURS,
      inboundConnectionThreshold: OURS,
      maxParallelDials: 2 * MAX_PARALLEL_DIALS,
      dialTimeout: DIAL_TIMEOUT_MS,
      addressDialTimeout: DIAL_TIMEOUT_MS,
      // Ours ends first, and says why.
      inboundUpgradeTimeout: 2 * HANDSHAKE_TIMEOUT_MS,
      connectionCloseTimeout: CONNECTION_CLOSE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: STREAM_OPEN_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: STREAM_OPEN_TIMEOUT_MS,
      reconnectRetries: 0,
      // Names are resolved by the socket; a /dnsaddr would let a name server send us anywhere.
      resolvers: {},
    },
    connectionMonitor: { enabled: false },
    services: {
      listeners: ({ transportManager, addressManager }) => ({
        addresses: () => transportManager.getAddrs().map(String),
        confirm() {
          for (const address of transportManager.getAddrs()) {
            addressManager.confirmObservedAddr(address, { type: 'transport', ttl: FOR_EVER_MS })
          }
        },
      }),
      ...(init.dht ? await loadDht() : {}),
    },
  }
  const node = await createLibp2p(options)
  node.addEventListener('connection:open', ({ detail }) => init.onOpen(detail))
  node.addEventListener('connection:close', ({ detail }) => init.onClose(detail))
  const remembered = createRememberedPeers({
    // What peering needs it has in an address book of its own.
    maxPeers: init.dht ? MAX_DHT_PEERS : 0,
    isConnected: (peer) => node.getConnections(peer).length > 0,
    forget: (peer) => void node.peerStore.delete(peer).catch(() => {}),
  })
  node.addEventListener('peer:disconnect', ({ detail }) => remembered.heard(detail))
  // Also after the end of a connection: for a stream that began before.
  node.addEventListener('peer:update', ({ detail: { peer } }) => {
    remembered.heard(peer.id)
    if (!init.dht) return
    // What others say may be anything, the ids of keys that nobody would accept among it.
    const id = parsePeerId(peer.id.toString())
    const locations = peer.addresses.map(({ multiaddr }) => withoutPeerId(multiaddr.toString()))
    if (id !== undefined && locations.length > 0) init.onDiscovered(id, locations)
  })
  return node
}

/** Starts it; nothing is left running when it cannot listen. */
export const startLibp2pNode = async (
  node: Libp2pNode,
  listen: readonly string[],
): Promise<void> => {
  try {
    await node.start()
    node.services.listeners.confirm()
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    const why = /EADDRINUSE/.test(text)
      ? 'another program listens there already'
      : /EADDRNOTAVAIL/.test(text)
        ? 'this machine does not have that address'
        : /EACCES/.test(text)
          ? 'the system does not allow it (ports below 1024 need a privilege)'
          : text
    throw new MeshError('ERR_LISTEN_FAILED', `cannot listen on ${listen.join(', ')}: ${why}`, {
      cause: error,
      data: { listen: listen.join(' ') },
    })
  }
}
