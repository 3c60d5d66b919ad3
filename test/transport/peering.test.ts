import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { createMembership, createMemoryNetwork, createPeering } from '../../src/transport/index.ts'
import { AVOID_MS, KNOWN_PEER_TTL_MS, NO_PEERS_WARNING_MS } from '../../src/transport/limits.ts'
import {
  MAX_ADDRESSES_PER_PEER,
  MAX_EXCHANGED_PEERS,
  MAX_HEARSAY_DIALS_PER_MINUTE,
  MAX_HEARSAY_PER_PEER,
  MAX_PEER_EXCHANGE_BYTES,
  MAX_PEER_EXCHANGES_PER_MINUTE,
  PEER_EXCHANGE_TIMEOUT_MS,
} from '../../src/transport/limits.ts'
import { PEERS_PROTOCOL } from '../../src/transport/peer-exchange.ts'
import { encodePeerExchange } from '../../src/transport/peer-exchange-codec.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { addressOf, createAuthority, deadAddress, NETWORK, nextEvent } from './nodes.ts'
import { stayAlive, until } from './nodes.ts'
import { connectedTo, startPeeringNode } from './peering-nodes.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { AddressRules, Peering, Transport } from '../../src/transport/index.ts'

stayAlive(t)

t.test('a node that knows one peer meets the others through it', async (t) => {
  const a = await startPeeringNode(t)
  const b = await startPeeringNode(t, { bootstrap: [a] })
  const c = await startPeeringNode(t, { bootstrap: [b] })
  await until(() => connectedTo(c).has(a.transport.peerId), 'c has met a')
  const late = await startPeeringNode(t, { bootstrap: [c] })
  await until(() => connectedTo(late).size === 3, 'a late one meets all')
  t.same(
    late.peering.status().map(({ connected }) => connected),
    [true, true, true],
  )
})

t.test('a node that was away finds back without its bootstrap peer', async (t) => {
  const a = await startPeeringNode(t)
  const b = await startPeeringNode(t, { bootstrap: [a] })
  const identity = generatePrivateKey(systemRandom)
  const c = await startPeeringNode(t, { identity, bootstrap: [b] })
  await until(() => connectedTo(c).size === 2, 'c knows both')
  await c.stop()
  await b.stop()
  const again = await startPeeringNode(t, { identity, store: c.store })
  await until(() => connectedTo(again).has(a.transport.peerId), 'it is connected to a')
  t.same(connectedTo(again), new Set([a.transport.peerId]))
})

t.test('a peer that restarts is connected again', async (t) => {
  const identity = generatePrivateKey(systemRandom)
  const a = await startPeeringNode(t, { identity })
  const address = addressOf(a.transport)
  const b = await startPeeringNode(t, { bootstrapPeers: [address] })
  await until(() => connectedTo(b).size === 1, 'b is connected')
  const gone = nextEvent(b.transport, 'disconnect')
  const again = nextEvent(b.transport, 'connect')
  await a.stop()
  await gone
  const [listen = ''] = address.split('/p2p/')
  const restarted = await startPeeringNode(t, { identity, listen: [listen] })
  t.equal((await again).id, restarted.transport.peerId)
})

t.test('a bootstrap peer that is not there yet is dialled until it is', async (t) => {
  const identity = generatePrivateKey(systemRandom)
  const ahead = await startPeeringNode(t, { identity })
  const address = addressOf(ahead.transport)
  await ahead.stop()
  const node = await startPeeringNode(t, { bootstrapPeers: [address] })
  await until(() => node.peering.status()[0]?.lastError !== undefined, 'a first failure')
  const [status] = node.peering.status()
  t.match(status?.lastError, 'nothing listens there')
  t.equal(status?.bootstrap, true)
  t.type(status?.nextAttemptMs, 'number')
  const [listen = ''] = address.split('/p2p/')
  await startPeeringNode(t, { identity, listen: [listen] })
  await until(() => connectedTo(node).size === 1, 'it is connected')
  t.equal(node.peering.status()[0]?.lastError, undefined)
})

t.test('two nodes that have each other as bootstrap peers are connected once', async (t) => {
  const identities = [generatePrivateKey(systemRandom), generatePrivateKey(systemRandom)] as const
  const first = await startPeeringNode(t, { identity: identities[0] })
  const second = await startPeeringNode(t, { identity: identities[1], bootstrap: [first] })
  await until(() => connectedTo(first).size === 1, 'they are connected')
  t.same(connectedTo(second), new Set([first.transport.peerId]))
})

t.test('health says that nobody is reached, and why', async (t) => {
  const clock = createVirtualClock()
  const node = await startPeeringNode(t, { clock, bootstrapPeers: [await deadAddress()] })
  await until(() => node.peering.status()[0]?.lastError !== undefined, 'a first failure')
  await clock.advance(NO_PEERS_WARNING_MS)
  t.match(node.health.list(), [{ code: 'no-peers', message: /nothing listens there/ }])
})

t.test('health says that we are refused, and why', async (t) => {
  const authority = createAuthority()
  const networkKeys = [authority.key.publicKey]
  const clock = { nowMs: Date.now }
  const certified = async (expiresMs: number) => {
    const identity = generatePrivateKey(systemRandom)
    const certificate = await authority.issue(identity.publicKey, { expiresMs })
    const membership = createMembership({ clock }, { network: NETWORK, networkKeys, certificate })
    return { identity, membership }
  }
  const good = await startPeeringNode(t, await certified(Date.now() + 3_600_000))
  const expired = await certified(Date.now() - 1_000)
  const node = await startPeeringNode(t, { ...expired, bootstrap: [good] })
  await until(() => node.health.list().length > 0, 'a warning')
  t.match(node.health.list(), [
    {
      code: 'peer-refused-us',
      subject: 'ERR_CERTIFICATE_EXPIRED',
      message: /has expired; renew it/,
    },
  ])
  const { certificate } = { certificate: await authority.issue(expired.identity.publicKey) }
  node.transport.setMembership(
    createMembership({ clock }, { network: NETWORK, networkKeys, certificate }),
  )
  await until(() => connectedTo(node).size === 1, 'renewed, it is let in')
  t.same(node.health.list(), [])
})

t.test('a bootstrap address that is none is refused at once', async (t) => {
  await t.rejects(startPeeringNode(t, { bootstrapPeers: ['10.0.0.1:7946'] }), {
    code: 'ERR_ADDRESS_INVALID',
  })
})

t.test('starting and stopping twice is starting and stopping once', async (t) => {
  const a = await startPeeringNode(t)
  const b = await startPeeringNode(t, { bootstrap: [a] })
  await b.peering.start()
  await until(() => connectedTo(b).size === 1, 'connected')
  await b.peering.stop()
  await b.peering.stop()
  await b.peering.start()
  t.equal(b.peering.status().length, 1)
})

/** Addresses of the network in memory. */
const memoryRules: AddressRules = {
  parse(address) {
    const [location = '', peer = ''] = address.split('/p2p/')
    return { peer: peer as PeerId, location }
  },
  isUsable: (location) => location.startsWith('/memory/'),
}

/** A mesh in memory under a virtual clock. */
const simulate = (seed: number) => {
  const clock = createVirtualClock()
  const random = createSeededRandom(seed)
  const network = createMemoryNetwork({ clock, random: random.fork('net') }, { latencyMs: 5 })
  const identities = createSeededRandom('identities')
  const start = async (
    init: {
      bootstrapPeers?: readonly string[]
      targetConnections?: number
      refusal?: Transport['refusal']
      /** Called with each address that is dialled. */
      onDial?: (address: string) => void
    } = {},
  ): Promise<{ transport: Transport; peering: Peering }> => {
    const store = createMemoryStore()
    await store.open()
    const logger = silentLogger
    const workers = createWorkers({ clock, random, logger })
    const health = createHealth({ clock })
    const peerId = peerIdFromPublicKey(generatePrivateKey(identities).publicKey)
    const { refusal, onDial, ...given } = init
    const made = network.createTransport({ peerId, logger })
    const plain: Transport = {
      ...made,
      dial(address, options) {
        onDial?.(address)
        return made.dial(address, options)
      },
    }
    const transport = refusal === undefined ? plain : { ...plain, refusal }
    const peering = createPeering(
      { transport, store, clock, random, logger, workers, health },
      { bootstrapPeers: [], ...given, addressRules: memoryRules },
    )
    await transport.start()
    await peering.start()
    return { transport, peering }
  }
  return { clock, network, start }
}

t.test(
  'a hundred nodes that know one of them become one mesh, and stay below their target',
  async (t) => {
    const { clock, start } = simulate(1)
    const first = await start()
    const bootstrapPeers = first.transport.addresses()
    const nodes = [first]
    for (let count = 1; count < 100; count++) {
      nodes.push(await start({ bootstrapPeers, targetConnections: 8 }))
    }
    await clock.advance(10 * 60_000)
    const degrees = nodes.slice(1).map(({ transport }) => transport.peers().length)
    t.ok(Math.min(...degrees) >= 5, `at least ${Math.min(...degrees)} connections each`)
    const seen = new Set([first.transport.peerId])
    const byId = new Map(nodes.map(({ transport }) => [transport.peerId, transport]))
    for (const id of seen) for (const peer of byId.get(id)?.peers() ?? []) seen.add(peer.id)
    t.equal(seen.size, nodes.length, 'everybody is reachable from the first one')
  },
)

t.test('both halves of a mesh find together after a partition', async (t) => {
  const { clock, network, start } = simulate(2)
  const first = await start()
  const nodes = [first]
  for (let count = 1; count < 10; count++) {
    nodes.push(await start({ bootstrapPeers: first.transport.addresses() }))
  }
  await clock.advance(60_000)
  const ids = nodes.map(({ transport }) => transport.peerId)
  network.partition([ids.slice(0, 5), ids.slice(5)])
  await clock.advance(10 * 60_000)
  t.same(
    nodes.map(({ transport }) => transport.peers().length),
    Array(10).fill(4),
  )
  network.heal()
  await clock.advance(2 * 60_000)
  t.ok(nodes.slice(5).every(({ transport }) => transport.peers().length >= 5))
})

t.test('an avoided peer is left alone, and met again afterwards', async (t) => {
  const { clock, start } = simulate(3)
  const a = await start()
  const b = await start({ bootstrapPeers: a.transport.addresses() })
  await clock.advance(1_000)
  t.equal(b.transport.peers().length, 1)
  let dials = 0
  a.transport.events.on('connect', () => dials++)
  b.transport.blame(a.transport.peerId, new MeshError('ERR_SIGNATURE_INVALID', 'forged'))
  await clock.advance(AVOID_MS - 60_000)
  t.equal(dials, 0)
  await clock.advance(3 * 60_000)
  t.equal(b.transport.peers().length, 1)
})

t.test(
  'a revoked bootstrap peer is not dialled, and its status says why, until it is taken back',
  async (t) => {
    const { clock, start } = simulate(5)
    const a = await start()
    let isRevoked = true
    const b = await start({
      bootstrapPeers: a.transport.addresses(),
      refusal: (peer) =>
        isRevoked && peer === a.transport.peerId
          ? new MeshError('ERR_CERTIFICATE_REVOKED', 'its key was revoked')
          : undefined,
    })
    let dials = 0
    a.transport.events.on('connect', () => dials++)
    await clock.advance(10 * 60_000)
    t.equal(dials, 0)
    const [status] = b.peering.status()
    t.match(status, { connected: false, bootstrap: true, lastError: 'its key was revoked' })
    t.equal(status?.nextAttemptMs, undefined)
    isRevoked = false
    await clock.advance(3 * 60_000)
    t.equal(dials, 1)
    t.equal(b.peering.status()[0]?.connected, true)
  },
)

t.test('a clock that jumps makes nobody forget who is connected', async (t) => {
  const { clock, start } = simulate(6)
  const a = await start()
  const b = await start()
  void b.transport.dial(a.transport.addresses()[0] ?? '')
  await clock.advance(60_000)
  const [before] = b.peering.status()
  t.type(before?.lastConnectedMs, 'number')
  clock.jumpWall(KNOWN_PEER_TTL_MS + 60_000)
  await clock.advance(2 * 60_000)
  const [after] = b.peering.status()
  t.ok((after?.lastConnectedMs ?? 0) > KNOWN_PEER_TTL_MS + (before?.lastConnectedMs ?? 0))
  void a.transport.stop()
  await clock.advance(1_000)
  t.match(
    b.peering.status(),
    [{ peerId: a.transport.peerId, connected: false, address: /memory/ }],
    'it can be dialled when it comes back',
  )
})

t.test('a peer that is only heard of and never answers is forgotten', async (t) => {
  const { clock, start } = simulate(4)
  const a = await start()
  const gone = await start()
  a.peering.suggest(gone.transport.peerId, ['/memory/77'])
  t.equal(a.peering.status().length, 1)
  await clock.advance(60 * 60_000)
  t.same(a.peering.status(), [])
})

t.test('a member that begins an exchange and says nothing loses its stream', async (t) => {
  const { clock, network, start } = simulate(7)
  const node = await start()
  const peerId = peerIdFromPublicKey(generatePrivateKey(createSeededRandom('silent')).publicKey)
  const silent = network.createTransport({ peerId, logger: silentLogger })
  await silent.start()
  const dialling = silent.dial(node.transport.addresses()[0] ?? '')
  await clock.advance(1_000)
  await dialling
  const limits = { maxFrameBytes: MAX_PEER_EXCHANGE_BYTES, maxStreamsPerPeer: 2 }
  const opening = silent.open(node.transport.peerId, PEERS_PROTOCOL, limits)
  await clock.advance(1_000)
  const stream = await opening
  await clock.advance(PEER_EXCHANGE_TIMEOUT_MS - 2_000)
  t.notOk(stream.signal.aborted)
  await clock.advance(2_000)
  t.ok(stream.signal.aborted)
})

t.test('a member that tells of thousands has us dial so many a minute, and no more', async (t) => {
  const { clock, network, start } = simulate(6)
  const dialled: string[] = []
  const victim = await start({ onDial: (address) => void dialled.push(address) })
  const strangers = createSeededRandom('strangers')
  const newPeer = (): PeerId => peerIdFromPublicKey(generatePrivateKey(strangers).publicKey)
  const liar = network.createTransport({ peerId: newPeer(), logger: silentLogger })
  await liar.start()
  const dialling = liar.dial(victim.transport.addresses()[0] ?? '')
  await clock.advance(1_000)
  await dialling
  const limits = { maxFrameBytes: MAX_PEER_EXCHANGE_BYTES, maxStreamsPerPeer: 2 }
  const minutes = 10
  const tell = async (): Promise<void> => {
    const stream = await liar.open(victim.transport.peerId, PEERS_PROTOCOL, limits)
    const peers = Array.from({ length: MAX_EXCHANGED_PEERS }, () => {
      const peer = newPeer()
      const hosts = Array.from({ length: MAX_ADDRESSES_PER_PEER }, (_, host) => host)
      return { peer, locations: hosts.map((host) => `/memory/${peer}-${host}`) }
    })
    await stream.send(encodePeerExchange({ anew: false, own: [], peers }))
    await stream.receive()
    await stream.close()
  }
  const told = minutes * MAX_PEER_EXCHANGES_PER_MINUTE
  for (let count = 0; count < told; count++) {
    const telling = tell()
    await clock.advance(60_000 / MAX_PEER_EXCHANGES_PER_MINUTE)
    await telling
  }
  t.same(liar.peers().length, 1, 'it keeps to all other limits')
  t.ok(victim.peering.status().length <= 1 + MAX_HEARSAY_PER_PEER)
  const most = (1 + minutes) * MAX_HEARSAY_DIALS_PER_MINUTE
  const offered = told * MAX_EXCHANGED_PEERS * MAX_ADDRESSES_PER_PEER
  t.ok(dialled.length <= most, `${dialled.length} of ${offered} addresses were dialled`)
  t.ok(dialled.length > most / 2, 'some of it might be true')

  const late = await start()
  victim.peering.suggest(late.transport.peerId, [
    late.transport.addresses()[0]?.replace(/\/p2p\/.*/, '') ?? '',
  ])
  const met = (): boolean => victim.transport.peers().some(({ id }) => id === late.transport.peerId)
  for (let minute = 0; minute < 60 && !met(); minute++) await clock.advance(60_000)
  t.ok(met(), 'and who tells the truth is met')
})
