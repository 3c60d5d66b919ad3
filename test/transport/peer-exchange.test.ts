import t from 'tap'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { createMemoryNetwork } from '../../src/transport/index.ts'
import { createAddressBook } from '../../src/transport/address-book.ts'
import { MAX_PEER_EXCHANGES_PER_MINUTE } from '../../src/transport/limits.ts'
import {
  createPeerExchanger,
  PEERS_PROTOCOL,
  tcpAddressRules,
} from '../../src/transport/peer-exchange.ts'
import { decodePeerExchange, encodePeerExchange } from '../../src/transport/peer-exchange-codec.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { addressOf, connect, startNode, stayAlive, until } from './nodes.ts'
import { startPeeringNode } from './peering-nodes.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { FrameStream, Peer, ProtocolHandler } from '../../src/transport/index.ts'
import type { ProtocolInit, Transport } from '../../src/transport/index.ts'
import type { AddressRules } from '../../src/transport/peer-exchange.ts'
import type { PeerExchange } from '../../src/transport/peer-exchange-codec.ts'

stayAlive(t)

const LIMITS = { maxFrameBytes: 80 * 1024, maxStreamsPerPeer: 2 }

const peerAt = (address: string): Peer => ({
  id: 'x' as PeerId,
  address,
  direction: 'outbound',
  connectedAtMs: 0,
})

t.test('addresses are told where they mean something', async (t) => {
  const far = peerAt('/ip4/203.0.113.1/tcp/1/p2p/x')
  const near = peerAt('/ip4/127.0.0.1/tcp/1/p2p/x')
  t.ok(tcpAddressRules.isUsable('/ip4/10.0.0.1/tcp/1', far))
  t.notOk(tcpAddressRules.isUsable('/ip4/127.0.0.1/tcp/1', far), 'its loopback is not ours')
  t.ok(tcpAddressRules.isUsable('/ip4/127.0.0.1/tcp/1', near))
  t.notOk(tcpAddressRules.isUsable('/ip6/fe80::1/tcp/1', far))
  t.notOk(tcpAddressRules.isUsable('/ip4/10.0.0.1/udp/1', near))
  t.ok(tcpAddressRules.isUsable('/ip4/127.0.0.1/tcp/1'), 'configured ones are taken at their word')
})

t.test('loopback and link-local addresses are told to nobody far away', async (t) => {
  const told = async (address: string): Promise<PeerExchange> => {
    const clock = createVirtualClock()
    const own = peerIdFromPublicKey(generatePrivateKey(systemRandom).publicKey)
    const other = peerIdFromPublicKey(generatePrivateKey(systemRandom).publicKey)
    const asker = peerAt(address)
    const book = createAddressBook({ clock, random: systemRandom }, { own })
    book.learn(other, ['/ip4/127.0.0.1/tcp/2', '/ip6/fe80::2/tcp/2', '/ip4/10.0.0.2/tcp/2'])
    book.connected(other)
    let handler: ProtocolHandler | undefined
    let said: Uint8Array | undefined
    const here = ['/ip4/127.0.0.1/tcp/1', '/ip6/fe80::1/tcp/1', '/ip4/10.0.0.1/tcp/1']
    const transport = {
      peers: () => [asker],
      addresses: () => here.map((location) => `${location}/p2p/${own}`),
      handle: (_: string, _limits: ProtocolInit, given: ProtocolHandler) => {
        handler = given
      },
    } as unknown as Transport
    createPeerExchanger({ transport, book, clock }, { rules: tcpAddressRules, onLearned: () => {} })
    await handler?.({
      peer: asker.id,
      receive: async () => encodePeerExchange({ anew: false, own: [], peers: [] }),
      send: async (frame: Uint8Array) => {
        said = frame
      },
    } as unknown as FrameStream)
    return decodePeerExchange(said ?? new Uint8Array())
  }
  t.match(await told('/ip4/203.0.113.1/tcp/1/p2p/x'), {
    own: ['/ip4/10.0.0.1/tcp/1'],
    peers: [{ locations: ['/ip4/10.0.0.2/tcp/2'] }],
  })
  const near = await told('/ip4/127.0.0.1/tcp/1/p2p/x')
  t.same(near.own, ['/ip4/10.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/1'])
  t.same(near.peers[0]?.locations, ['/ip4/10.0.0.2/tcp/2', '/ip4/127.0.0.1/tcp/2'])
})

t.test('garbage is a fault', async (t) => {
  const node = await startPeeringNode(t)
  const garbage = await startNode(t)
  await connect(garbage, node.transport)
  const stream = await garbage.open(node.transport.peerId, PEERS_PROTOCOL, LIMITS)
  await stream.send(Buffer.from('what?'))
  await t.rejects(stream.receive(), { code: 'ERR_STREAM_CLOSED' })
  t.equal(node.transport.counts().faults.ERR_PROTOCOL_MALFORMED, 1)
})

t.test('whoever asks without end waits, and is blamed for nothing', async (t) => {
  const clock = createVirtualClock()
  const own = peerIdFromPublicKey(generatePrivateKey(systemRandom).publicKey)
  const asker = peerAt('/ip4/127.0.0.1/tcp/1/p2p/x')
  let handler: ProtocolHandler | undefined
  const transport = {
    peers: () => [asker],
    addresses: () => [],
    handle: (_: string, _limits: ProtocolInit, given: ProtocolHandler) => {
      handler = given
    },
  } as unknown as Transport
  const book = createAddressBook({ clock, random: systemRandom }, { own })
  createPeerExchanger({ transport, book, clock }, { rules: tcpAddressRules, onLearned: () => {} })
  let answers = 0
  const ask = async (signal = new AbortController().signal): Promise<void> =>
    handler?.({
      peer: asker.id,
      signal,
      receive: async () => encodePeerExchange({ anew: false, own: [], peers: [] }),
      send: async () => void answers++,
    } as unknown as FrameStream)

  for (let count = 0; count < MAX_PEER_EXCHANGES_PER_MINUTE; count++) await ask()
  t.equal(answers, MAX_PEER_EXCHANGES_PER_MINUTE)

  // As a process does that dies as soon as it has asked, again and again.
  for (let death = 0; death < 100; death++) {
    const connection = new AbortController()
    const asking = ask(connection.signal)
    connection.abort()
    await t.rejects(asking, { code: 'ERR_STREAM_CLOSED' }, 'which is no fault')
  }
  const last = ask()
  await clock.advance(60_000 / MAX_PEER_EXCHANGES_PER_MINUTE - 1)
  t.equal(answers, MAX_PEER_EXCHANGES_PER_MINUTE, 'nobody is answered before its time')
  await clock.advance(1_001)
  await last
  t.equal(answers, MAX_PEER_EXCHANGES_PER_MINUTE + 1, 'the next one is answered then')
})

t.test('a peer that answers with garbage is blamed', async (t) => {
  const liar = await startPeeringNode(t, {
    serve: async (stream) => {
      await stream.receive()
      await stream.send(Buffer.from('nonsense'))
    },
  })
  const node = await startPeeringNode(t, { bootstrap: [liar] })
  await until(() => node.transport.counts().faults.ERR_PROTOCOL_MALFORMED === 1, 'it is a fault')
  t.equal(node.transport.peers().length, 1, 'the first one is forgiven')
})

t.test('what is told about peers is not passed on before it is seen to be true', async (t) => {
  const node = await startPeeringNode(t)
  const liar = await startNode(t)
  await connect(liar, node.transport)
  const other = await startNode(t)
  const stream = await liar.open(node.transport.peerId, PEERS_PROTOCOL, LIMITS)
  const rumour = { peer: other.peerId, locations: ['/ip4/127.0.0.1/tcp/1'] }
  await stream.send(encodePeerExchange({ anew: false, own: [], peers: [rumour] }))
  await stream.receive()
  await until(() => node.peering.status().some(({ lastError }) => lastError !== undefined), 'tried')
  const asker = await startNode(t)
  await connect(asker, node.transport)
  const asking = await asker.open(node.transport.peerId, PEERS_PROTOCOL, LIMITS)
  await asking.send(encodePeerExchange({ anew: false, own: [], peers: [] }))
  const answer = await asking.receive()
  t.notOk(Buffer.from(answer ?? []).includes('/tcp/1'), 'the rumour is not in there')
})

t.test(
  'a node that does not know how it looks from outside is told on with what we see',
  async (t) => {
    const node = await startPeeringNode(t)
    const exchange = async (own: string[]) => {
      const peer = await startNode(t)
      await connect(peer, node.transport)
      const stream = await peer.open(node.transport.peerId, PEERS_PROTOCOL, LIMITS)
      await stream.send(encodePeerExchange({ anew: false, own, peers: [] }))
      const answer = await stream.receive()
      return { peer, heard: decodePeerExchange(answer ?? new Uint8Array()) }
    }
    const { peer } = await exchange(['/ip4/10.9.9.9/tcp/4444', '/quic/is/not/ours'])
    const { heard } = await exchange([])
    t.same(heard.own, [addressOf(node.transport).replace(/\/p2p\/.*/, '')])
    t.same(heard.peers, [
      { peer: peer.peerId, locations: ['/ip4/10.9.9.9/tcp/4444', '/ip4/127.0.0.1/tcp/4444'] },
    ])
  },
)

/** Two that are connected in memory, each of which knows one more; `told`: of peers, in their order. */
const createTwo = async () => {
  const clock = createVirtualClock()
  const random = createSeededRandom('exchange')
  const told: number[] = []
  const network = createMemoryNetwork(
    { clock, random },
    { onFrame: (_, bytes) => void told.push(decodePeerExchange(bytes).peers.length) },
  )
  const rules: AddressRules = {
    parse(address) {
      const [location = '', peer = ''] = address.split('/p2p/')
      return { location, peer: peer as PeerId }
    },
    isUsable: () => true,
  }
  const newPeer = (): PeerId => peerIdFromPublicKey(generatePrivateKey(random).publicKey)
  const create = async () => {
    const transport = network.createTransport({ peerId: newPeer(), logger: silentLogger })
    const book = createAddressBook({ clock, random }, { own: transport.peerId })
    const exchanger = createPeerExchanger({ transport, book, clock }, { rules, onLearned() {} })
    await transport.start()
    return { transport, book, exchanger, meet: () => book.connected(newPeer(), '/memory/friend') }
  }
  const [a, b] = [await create(), await create()]
  const run = async <T>(promise: Promise<T>): Promise<T> => {
    await clock.advance(60_000)
    return promise
  }
  const peer = await run(a.transport.dial(b.transport.addresses()[0] ?? ''))
  const { signal } = new AbortController()
  const ask = async (anew = false): Promise<{ found: boolean; told: number[] }> => {
    told.length = 0
    return { found: await run(a.exchanger.ask(peer, { anew, signal })), told: [...told] }
  }
  return { a, b, ask }
}

t.test('what was told once is not told again', async (t) => {
  const { a, b, ask } = await createTwo()
  a.meet()
  b.meet()
  t.same(await ask(), { found: true, told: [1, 1] })
  t.same(await ask(), { found: false, told: [0, 0] })
  b.meet()
  t.same(await ask(), { found: true, told: [0, 1] }, 'the side that has news tells it')
  a.meet()
  t.same(await ask(), { found: false, told: [1, 0] }, 'and so does the other one')
  t.same(await ask(true), { found: false, told: [0, 2] }, 'unless that is asked for')
  t.same(await ask(), { found: false, told: [0, 0] })
  a.exchanger.forget(b.transport.peerId)
  t.same((await ask()).told, [2, 0], 'or the peer was gone meanwhile')
})

t.test('what one message has no room for is told by the next ones', async (t) => {
  const { b, ask } = await createTwo()
  for (let count = 0; count < 80; count++) b.meet()
  const told = [await ask(), await ask(), await ask(), await ask()]
  t.same(
    told.map((each) => each.told[1]),
    [32, 32, 16, 0],
  )
})
