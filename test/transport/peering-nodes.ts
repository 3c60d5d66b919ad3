/** Nodes that find each other, on loopback sockets. */
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { createPeering } from '../../src/transport/index.ts'
import { PEERS_PROTOCOL } from '../../src/transport/peer-exchange.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import { addressOf, createNode } from './nodes.ts'
import type { Test } from 'tap'
import type { Health } from '../../src/observe/index.ts'
import type { Store } from '../../src/store/index.ts'
import type { FrameStream, Libp2pTransport, Peering } from '../../src/transport/index.ts'
import type { NodeInit } from './nodes.ts'

export interface PeeringNode {
  readonly transport: Libp2pTransport
  readonly peering: Peering
  readonly health: Health
  readonly store: Store
  stop(): Promise<void>
}

export interface PeeringNodeInit extends NodeInit {
  /** Nodes whose addresses are configured. */
  readonly bootstrap?: readonly PeeringNode[]
  readonly bootstrapPeers?: readonly string[]
  readonly targetConnections?: number
  readonly store?: Store
  /** Answers for peer exchange instead of what should. */
  readonly serve?: (stream: FrameStream) => Promise<void>
}

export const startPeeringNode = async (
  t: Test,
  init: PeeringNodeInit = {},
): Promise<PeeringNode> => {
  const { bootstrap = [], bootstrapPeers = [], targetConnections, serve, ...rest } = init
  const { clock = systemClock, logger = silentLogger } = rest
  const random = systemRandom
  const store = init.store ?? createMemoryStore()
  if (init.store === undefined) await store.open()
  const workers = createWorkers({ clock, random, logger })
  const health = createHealth({ clock })
  const transport = createNode(t, { workers, ...rest })
  const peering = createPeering(
    {
      transport:
        serve === undefined
          ? transport
          : {
              ...transport,
              handle: (protocol, limits, handler) =>
                transport.handle(protocol, limits, protocol === PEERS_PROTOCOL ? serve : handler),
            },
      store,
      ...{ clock, random, logger, workers, health },
    },
    {
      bootstrapPeers: [
        ...bootstrapPeers,
        ...bootstrap.map(({ transport }) => addressOf(transport)),
      ],
      ...(targetConnections === undefined ? {} : { targetConnections }),
    },
  )
  await transport.start()
  await peering.start()
  const stop = async (): Promise<void> => {
    await peering.stop()
    await transport.stop()
  }
  t.teardown(stop)
  return { transport, peering, health, store, stop }
}

/** Who is connected to a node, by id. */
export const connectedTo = ({ transport }: PeeringNode): Set<string> =>
  new Set(transport.peers().map(({ id }) => id))
