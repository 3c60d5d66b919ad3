/** Peers that do not do as they should, made of the same parts as those that do. */
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { toLibp2pKey } from '../../src/transport/identity.ts'
import { MEMBERSHIP_PROTOCOL, membershipExchange } from '../../src/transport/membership-exchange.ts'
import { privateNetwork } from '../../src/transport/private-network.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import { FakeConnection } from './fakes.ts'
import { addressOf, socketOf } from './nodes.ts'
import type { Socket } from 'node:net'
import type { MessageStream, PrivateKey as Libp2pPrivateKey } from '@libp2p/interface'
import type { Test } from 'tap'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { Transport } from '../../src/transport/index.ts'

/** A bare TCP connection to a node. */
export const openSocket = async (t: Test, node: Transport): Promise<Socket> => {
  const socket = connectSocket(socketOf(node))
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Waits for the other side to end a connection. */
export const closed = async (socket: Socket): Promise<void> => {
  if (socket.destroyed) return
  await new Promise((resolve) => socket.resume().on('close', resolve))
}

/** Bytes of a connection that has passed Noise, in the stranger's hands. */
export interface Secured {
  readonly connection: MessageStream
  /** All that has come. */
  readonly received: Uint8Array[]
}

/**
 * Dials `node` and goes through Noise as it should; then `script` has the connection. Resolves
 * when the connection ends.
 */
export const dialAsStranger = async (
  t: Test,
  node: Transport,
  script: (secured: Secured) => void,
  options: { privateKey?: Libp2pPrivateKey } = {},
): Promise<void> => {
  const done = Promise.withResolvers<void>()
  const libp2p = await createLibp2p({
    privateKey: options.privateKey ?? (await toLibp2pKey(generatePrivateKey(systemRandom))),
    transports: [tcp()],
    connectionEncrypters: [
      (components) => ({
        protocol: MEMBERSHIP_PROTOCOL,
        secureInbound: () => Promise.reject(new Error('it only dials')),
        async secureOutbound(connection, secureOptions) {
          const { connection: secured } = await noise()(components).secureOutbound(
            connection,
            secureOptions,
          )
          const received: Uint8Array[] = []
          secured.addEventListener('message', ({ data }) => void received.push(data.subarray()))
          secured.addEventListener('close', () => done.resolve())
          script({ connection: secured, received })
          await done.promise
          throw new Error('it is over')
        },
      }),
    ],
    streamMuxers: [yamux()],
  })
  t.teardown(() => libp2p.stop())
  await libp2p.dial(multiaddr(addressOf(node))).catch(() => {})
  done.resolve()
}

/**
 * Becomes a member of `node`'s network, which is open unless there is a `certificate`, and hands over the connection below the multiplexer.
 * `closed` resolves when `node` ends it.
 */
export const dialAsHostileMember = async (
  t: Test,
  node: Transport,
  identity: PrivateKey = generatePrivateKey(systemRandom),
  certificate?: string,
): Promise<{ connection: MessageStream; received: Uint8Array[]; closed: Promise<void> }> => {
  const received: Uint8Array[] = []
  const taken = Promise.withResolvers<MessageStream>()
  const libp2p = await createLibp2p({
    privateKey: await toLibp2pKey(identity),
    transports: [tcp()],
    connectionEncrypters: [
      membershipExchange(
        { clock: systemClock },
        {
          own: () => certificate,
          admit: () => ({}),
          onStage: () => {},
          onFailed: () => {},
          onAdmitted: () => {},
        },
      ),
    ],
    streamMuxers: [
      () => {
        const inner = yamux()()
        return {
          protocol: inner.protocol,
          createStreamMuxer(connection) {
            connection.addEventListener(
              'message',
              ({ data }) => void received.push(data.subarray()),
            )
            taken.resolve(connection)
            // One that would answer for itself would only be in the way.
            return inner.createStreamMuxer(new FakeConnection('outbound', addressOf(node)))
          },
        }
      },
    ],
    connectionMonitor: { enabled: false },
  })
  t.teardown(() => libp2p.stop())
  await libp2p.dial(multiaddr(addressOf(node)))
  const connection = await taken.promise
  const ended = new Promise<void>((resolve) =>
    connection.addEventListener('close', () => resolve()),
  )
  return { connection, received, closed: ended }
}

/** A member that was let in, and goes on when it likes. */
export interface Waiting {
  /** Agrees on a multiplexer, as it should have at once. */
  goOn(): void
}

/** Becomes a member of `node`'s network and stops right before the multiplexer. */
export const dialAndWait = async (
  t: Test,
  node: Transport,
  {
    identity = generatePrivateKey(systemRandom),
    certificate,
    psk,
  }: { identity?: PrivateKey; certificate?: string; psk?: Uint8Array },
): Promise<Waiting> => {
  const admitted = Promise.withResolvers<void>()
  const going = Promise.withResolvers<void>()
  const nothing = (): void => {}
  const encrypter = membershipExchange(
    { clock: systemClock },
    {
      own: () => certificate,
      admit: () => ({}),
      onStage: nothing,
      onFailed: nothing,
      onAdmitted: nothing,
    },
  )
  const protector = privateNetwork(
    { clock: systemClock, random: systemRandom },
    { psks: psk === undefined ? [] : [psk], onProtected: nothing, onRefused: nothing },
  )
  const libp2p = await createLibp2p({
    privateKey: await toLibp2pKey(identity),
    transports: [tcp()],
    connectionProtector: protector,
    connectionEncrypters: [
      (components) => {
        const { protocol, secureInbound, secureOutbound } = encrypter(components)
        return {
          protocol,
          secureInbound,
          async secureOutbound(connection, options) {
            // Else the two agree on a multiplexer within Noise, and there is nothing to wait with.
            const alone = { ...options, skipStreamMuxerNegotiation: true }
            const secured = await secureOutbound(connection, alone)
            admitted.resolve()
            await going.promise
            return secured
          },
        }
      },
    ],
    streamMuxers: [yamux()],
    connectionManager: { reconnectRetries: 0 },
    connectionMonitor: { enabled: false },
  })
  t.teardown(() => libp2p.stop())
  libp2p.dial(multiaddr(addressOf(node))).catch(admitted.reject)
  await admitted.promise
  return { goOn: going.resolve }
}
