/** Nodes on loopback sockets for the tests of the transport. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { isMeshError } from '../../src/errors/index.ts'
import { generatePrivateKey, peerIdFromPublicKey, signCertificate } from '../../src/keys/index.ts'
import { createWorkers, silentLogger } from '../../src/observe/index.ts'
import { createLibp2pTransport, createMembership } from '../../src/transport/index.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { ErrorCode, MeshError } from '../../src/errors/index.ts'
import type { PrivateKey, PublicKey } from '../../src/keys/index.ts'
import type { Logger, Workers } from '../../src/observe/index.ts'
import type { Libp2pTransport, Libp2pTransportInit, Membership } from '../../src/transport/index.ts'
import type { FrameStream, Peer, Transport } from '../../src/transport/index.ts'
import type { Clock, Timestamp } from '../../src/util/index.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

export const NETWORK = 'test-net'
export const HOUR_MS = 60 * 60_000
export const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

/** A network key and what it signs. */
export const createAuthority = (network = NETWORK) => {
  const key = generatePrivateKey(systemRandom)
  return {
    key,
    issue: (
      node: PublicKey,
      {
        name = 'node',
        expiresMs = Date.now() + HOUR_MS,
      }: { name?: string; expiresMs?: number } = {},
    ): Promise<string> =>
      signCertificate(key, {
        network,
        name,
        key: node,
        issued: Math.min(Date.now(), expiresMs - 1) as Timestamp,
        expires: expiresMs as Timestamp,
        namespaces: [],
      }),
  }
}

export type Authority = ReturnType<typeof createAuthority>

export interface NodeInit extends Partial<Libp2pTransportInit> {
  readonly identity?: PrivateKey
  readonly membership?: Membership
  readonly clock?: Clock
  readonly logger?: Logger
  readonly workers?: Workers
}

/** A transport that the test stops; not started. */
export const createNode = (t: Test, init: NodeInit = {}): Libp2pTransport => {
  const { identity, membership, clock = systemClock, logger = silentLogger, ...rest } = init
  const random = systemRandom
  const workers = init.workers ?? createWorkers({ clock, random, logger })
  const transport = createLibp2pTransport(
    {
      identity: identity ?? generatePrivateKey(random),
      membership: membership ?? createMembership({ clock }, { network: NETWORK, networkKeys: [] }),
      clock,
      random,
      logger,
      workers,
    },
    { listen: [LOOPBACK], ...rest },
  )
  t.teardown(() => transport.stop())
  return transport
}

/** A started transport that answers `/mesh/echo/1`. */
export const startNode = async (t: Test, init: NodeInit = {}): Promise<Libp2pTransport> => {
  const node = createNode(t, init)
  node.handle(ECHO, ECHO_LIMITS, echo)
  await node.start()
  return node
}

/** A started member: a node with a certificate of `authority`. */
export const startMember = async (
  t: Test,
  authority: Authority,
  {
    name,
    expiresMs,
    clock = systemClock,
    ...init
  }: NodeInit & { name?: string; expiresMs?: number },
): Promise<Libp2pTransport> => {
  const identity = init.identity ?? generatePrivateKey(systemRandom)
  const certificate = await authority.issue(identity.publicKey, {
    ...(name === undefined ? {} : { name }),
    ...(expiresMs === undefined ? {} : { expiresMs }),
  })
  const networkKeys = [authority.key.publicKey]
  const membership = createMembership({ clock }, { network: NETWORK, networkKeys, certificate })
  return startNode(t, { membership, ...init, clock, identity })
}

export const ECHO = '/mesh/echo/1'
export const ECHO_LIMITS = { maxFrameBytes: 2 ** 16, maxStreamsPerPeer: 8 }

export const echo = async (stream: FrameStream): Promise<void> => {
  for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
    await stream.send(frame)
  }
}

/** Whether `from` gets an echo out of `to`: the connection works. */
export const speaks = async (from: Transport, to: Transport): Promise<boolean> => {
  const stream = await from.open(to.peerId, ECHO, ECHO_LIMITS)
  await stream.send(Buffer.from('hello'))
  const answer = await stream.receive({ timeoutMs: 10_000 })
  await stream.close()
  return answer !== undefined && Buffer.from(answer).toString() === 'hello'
}

export const addressOf = (transport: Transport): string => {
  const [address] = transport.addresses()
  if (address === undefined) throw new Error('the transport has no address')
  return address
}

/** Host and port to connect a bare socket to. */
export const socketOf = (transport: Transport): { host: string; port: number } => {
  const [, , host = '', , port = ''] = addressOf(transport).split('/')
  return { host, port: Number(port) }
}

export const nextEvent = async (
  transport: Transport,
  name: 'connect' | 'disconnect',
): Promise<Peer> => (await once(transport.events, name))[0]

/** Dials, and waits until both see each other. */
export const connect = async (from: Transport, to: Transport): Promise<Peer> => {
  const other = nextEvent(to, 'connect')
  const peer = await from.dial(addressOf(to))
  await other
  return peer
}

/** The error that `promise` rejects with. */
export const failure = async (promise: Promise<unknown>): Promise<MeshError> => {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (isMeshError(error)) return error
  throw new Error(`expected a MeshError, got ${error}`)
}

/** Waits for something that no event tells of. */
export const until = async (done: () => boolean, what: string, maxMs = 15_000): Promise<void> => {
  const startMs = performance.now()
  while (!done()) {
    if (performance.now() - startMs > maxMs) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Moves a virtual clock on, second by second, while the network does what it does. */
export const passTime = async (
  clock: VirtualClock,
  done: () => boolean,
  what: string,
): Promise<void> => {
  for (let seconds = 0; !done(); seconds++) {
    if (seconds > 600) throw new Error(`never: ${what}`)
    await clock.advance(1_000)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Waits until `node` has refused a stranger for this reason. */
export const refusedFor = (node: Libp2pTransport, code: ErrorCode): Promise<void> =>
  until(() => (node.counts().refused[code] ?? 0) > 0, `a refusal for ${code}`)

/** A port on which nobody listens, with some peer's id. */
export const deadAddress = async (): Promise<string> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const peer = peerIdFromPublicKey(generatePrivateKey(systemRandom).publicKey)
  return `/ip4/127.0.0.1/tcp/${port}/p2p/${peer}`
}

/** Timers of the product do not keep a process alive; a waiting test does. */
export const stayAlive = (t: Test): void => {
  const alive = setInterval(() => {}, 1_000)
  t.teardown(() => clearInterval(alive))
}
