import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { createMembership } from '../../src/transport/index.ts'
import { DIAL_TIMEOUT_MS } from '../../src/transport/limits.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import { testTransport } from '../contracts/transport.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { addressOf, connect, createAuthority, createNode, deadAddress, failure } from './nodes.ts'
import { NETWORK, nextEvent, socketOf, speaks, startMember, startNode } from './nodes.ts'
import { passTime, stayAlive, until } from './nodes.ts'
import type { AddressInfo } from 'node:net'
import type { MeshError } from '../../src/errors/index.ts'

testTransport(t, 'libp2p transport', async (t) => ({
  create: async () => createNode(t),
  deadAddress: await deadAddress(),
}))

testTransport(t, 'libp2p transport with a pre-shared key and certificates', async (t) => {
  const authority = createAuthority()
  const psks = [systemRandom.bytes(32)]
  return {
    async create(name) {
      const identity = generatePrivateKey(systemRandom)
      const certificate = await authority.issue(identity.publicKey, { name })
      const networkKeys = [authority.key.publicKey]
      const init = { network: NETWORK, networkKeys, certificate }
      const membership = createMembership({ clock: systemClock }, init)
      return createNode(t, { identity, membership, psks })
    },
    deadAddress: await deadAddress(),
  }
})

t.test('its peer id is the one of its key', async (t) => {
  const identity = generatePrivateKey(systemRandom)
  const node = createNode(t, { identity })
  t.equal(node.peerId, peerIdFromPublicKey(identity.publicKey))
  await node.start()
  for (const address of node.addresses()) t.match(address, `/p2p/${node.peerId}`)
})

t.test('thirty nodes that dial one at once are all let in, at the first attempt', async (t) => {
  stayAlive(t)
  const authority = createAuthority()
  const psks = [systemRandom.bytes(32)]
  const one = await startMember(t, authority, { psks })
  const others = await Promise.all(
    Array.from({ length: 30 }, () => startMember(t, authority, { psks })),
  )
  await Promise.all(others.map((other) => connect(other, one)))
  await until(() => one.peers().length === 30, 'all are there')
  const answers = await Promise.all(others.map((other) => speaks(other, one)))
  t.same(new Set(answers), new Set([true]))
  t.same(one.counts().refused, {})
})

t.test('a host that accepts and says nothing is given up in time', async (t) => {
  stayAlive(t)
  const mute = createServer().listen(0, '127.0.0.1')
  t.teardown(() => mute.close())
  await once(mute, 'listening')
  const [, , , , , , peer] = (await deadAddress()).split('/')
  const { port } = mute.address() as AddressInfo
  const clock = createVirtualClock()
  const node = await startNode(t, { clock })
  let error: MeshError | undefined
  failure(node.dial(`/ip4/127.0.0.1/tcp/${port}/p2p/${peer}`)).then((found) => {
    error = found
  }, t.error)
  await once(mute, 'connection')
  await passTime(clock, () => error !== undefined, 'it is given up')
  t.match(error, { code: 'ERR_TIMEOUT' })
  t.ok(clock.monotonicMs() >= DIAL_TIMEOUT_MS)
})

t.test('a peer that goes without a word and comes back is dialled again', async (t) => {
  stayAlive(t)
  const identity = generatePrivateKey(systemRandom)
  const node = await startNode(t)
  const before = await startNode(t, { identity })
  const address = addressOf(before)
  await connect(node, before)
  const gone = nextEvent(node, 'disconnect')
  await before.stop()
  await gone
  t.equal((await failure(node.dial(address))).code, 'ERR_PEER_UNREACHABLE')
  const [listen = ''] = address.split('/p2p/')
  const after = await startNode(t, { identity, listen: [listen] })
  await connect(node, after)
  t.ok(await speaks(node, after))
})

t.test(
  'an address that is in use, or not ours, is named when it cannot be listened on',
  async (t) => {
    stayAlive(t)
    const first = await startNode(t)
    const [listen = ''] = addressOf(first).split('/p2p/')
    const second = createNode(t, { listen: [listen] })
    await t.rejects(second.start(), {
      code: 'ERR_LISTEN_FAILED',
      message: /another program listens/,
    })
    await first.stop()
    await second.start()
    t.equal(second.addresses().length, 1, 'it can be tried again')
    const elsewhere = createNode(t, { listen: ['/ip4/203.0.113.7/tcp/0'] })
    await t.rejects(elsewhere.start(), { code: 'ERR_LISTEN_FAILED', message: /does not have/ })
    t.throws(() => createNode(t, { listen: ['7946'] }), { code: 'ERR_ADDRESS_INVALID' })
    t.throws(() => createNode(t, { announce: ['/ip4/0.0.0.0/tcp/1'] }), {
      code: 'ERR_ADDRESS_INVALID',
    })
  },
)

t.test('tells others the announced addresses instead of those it listens on', async (t) => {
  const node = await startNode(t, { announce: ['/dns4/node.example/tcp/7946'] })
  t.same(node.addresses(), [`/dns4/node.example/tcp/7946/p2p/${node.peerId}`])
})

t.test('a wildcard stands for all addresses of the machine, public ones too', async (t) => {
  const node = await startNode(t, { listen: ['/ip4/0.0.0.0/tcp/0'] })
  t.ok(node.addresses().some((address) => address.startsWith('/ip4/127.0.0.1/tcp/')))
  t.notOk(node.addresses().some((address) => address.startsWith('/ip4/0.0.0.0/')))
})

t.test('a name is resolved when it is dialled, and an unknown one is named', async (t) => {
  stayAlive(t)
  const node = await startNode(t)
  const other = await startNode(t)
  const { port } = socketOf(other)
  const there = nextEvent(other, 'connect')
  await node.dial(`/dns4/localhost/tcp/${port}/p2p/${other.peerId}`)
  await there
  const third = await startNode(t)
  const error = await failure(node.dial(`/dns4/nowhere.invalid/tcp/1/p2p/${third.peerId}`))
  t.equal(error.code, 'ERR_PEER_UNREACHABLE')
  t.match(error.message, 'name')
})

t.test('a listener of events that throws hurts nobody', async (t) => {
  stayAlive(t)
  const node = await startNode(t)
  const other = await startNode(t)
  node.events.on('connect', () => {
    throw new Error('a defect')
  })
  await connect(other, node)
  t.ok(await speaks(other, node))
})
