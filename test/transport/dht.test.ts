import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { addressOf, connect, speaks, startNode, stayAlive, until } from './nodes.ts'
import { connectedTo, startPeeringNode } from './peering-nodes.ts'
import type { Discoveries } from '../../src/transport/types.ts'

stayAlive(t)

const dht = { enabled: true }

t.test('finds a peer that nobody has told of, through one that knows both', async (t) => {
  // a and b have no peering, so nobody can ask them for peers: what is found is found in the DHT.
  const a = await startNode(t, { dht })
  const b = await startNode(t, { dht })
  await connect(a, b)
  const c = await startPeeringNode(t, { dht, bootstrapPeers: [addressOf(b)] })
  const heard: Discoveries['peer'][0][] = []
  c.transport.discoveries?.on('peer', (each) => heard.push(each))
  await until(() => connectedTo(c).has(a.peerId), 'c has found a', 30_000)
  t.same(connectedTo(c), new Set([a.peerId, b.peerId]))
  t.ok(await speaks(c.transport, a))
  t.ok(heard.some(({ peer }) => peer === a.peerId))
})

t.test('finds them too when its first connection comes late', async (t) => {
  const a = await startNode(t, { dht })
  const b = await startNode(t, { dht })
  await connect(a, b)
  const c = await startPeeringNode(t, { dht, bootstrapPeers: [] })
  // libp2p looks around a second after its start, and then every five minutes.
  await sleep(1_500)
  await connect(c.transport, b)
  await until(() => connectedTo(c).has(a.peerId), 'c has found a', 30_000)
})

t.test('nodes with and without a DHT get on', async (t) => {
  const a = await startNode(t, { dht })
  const b = await startNode(t)
  await connect(a, b)
  t.ok(await speaks(a, b))
  t.ok(await speaks(b, a))
})

t.test('without it none of its protocols are spoken', async (t) => {
  const a = await startNode(t)
  const b = await startNode(t)
  await connect(a, b)
  const limits = { maxFrameBytes: 8, maxStreamsPerPeer: 1 }
  for (const protocol of ['/mesh/kad/1', '/mesh/id/1.0.0', '/mesh/ping/1.0.0']) {
    await t.rejects(a.open(b.peerId, protocol, limits), { message: /does not speak/ }, protocol)
  }
})
