/** What libp2p remembers of peers beside those that are connected. */
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { createRememberedPeers } from '../../src/transport/remembered-peers.ts'
import { createHandshakes } from '../../src/transport/handshakes.ts'
import { createLibp2pNode } from '../../src/transport/libp2p-node.ts'
import { MAX_DHT_PEERS } from '../../src/transport/limits.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import type { PeerId } from '@libp2p/interface'
import type { Test } from 'tap'

const PATIENCE_MS = 10_000

const createPeerIds = (count: number): Promise<PeerId[]> =>
  Promise.all(
    Array.from({ length: count }, async () =>
      peerIdFromPrivateKey(await generateKeyPair('Ed25519')),
    ),
  )

t.test(
  'who was heard of longest ago is forgotten first, and nobody who is connected',
  async (t) => {
    const peers = await createPeerIds(10)
    const [connected, again, later] = peers
    const online = new Set([connected])
    const forgotten: PeerId[] = []
    const remembered = createRememberedPeers({
      maxPeers: 6,
      isConnected: (peer) => online.has(peer),
      forget: (peer) => forgotten.push(peer),
    })
    for (const peer of peers.slice(0, 7)) remembered.heard(peer)
    if (again !== undefined) remembered.heard(again)
    t.same(forgotten, [])
    online.add(later)
    for (const peer of peers.slice(7)) remembered.heard(peer)
    t.same(forgotten.map(String), peers.slice(3, 5).map(String))
    online.clear()
    for (const peer of peers.slice(0, 1)) remembered.heard(peer)
    t.same(forgotten.map(String), peers.slice(3, 6).map(String), 'who was connected counts again')
  },
)

const createStore = async (t: Test, { dht }: { dht: boolean }) => {
  const unused = (): never => t.fail('nobody connects here') as never
  const nothing = (): void => {}
  const [clock, random] = [systemClock, systemRandom]
  const node = await createLibp2pNode(
    {
      ...{ identity: generatePrivateKey(random), clock, random },
      handshakes: createHandshakes({ clock }, { onFailed: nothing }),
    },
    {
      ...{ listen: [], psks: [], announce: [], dht },
      ...{ maxConnections: 10, maxInboundBytesPerSecond: 2 ** 20 },
      ...{ membership: unused, checkPlace: nothing, isAvoided: () => false },
      ...{ onDiscovered: nothing, onBreach: nothing, onRefused: nothing },
      ...{ onOpen: nothing, onClose: nothing },
    },
  )
  return node.peerStore
}

for (const [dht, max] of [
  [true, MAX_DHT_PEERS],
  [false, 0],
] as const) {
  t.test(
    `${dht ? 'with' : 'without'} a DHT, libp2p remembers at most ${max} that are gone`,
    async (t) => {
      const store = await createStore(t, { dht })
      const protocols = ['/mesh/peers/1']
      const peers = await createPeerIds(max + 20)
      // As libp2p does for a stream, which may come up as its connection ends.
      for (const peer of peers) await store.merge(peer, { protocols })
      const kept = async () => (await store.all()).map(({ id }) => `${id}`)
      // Each is forgotten behind a lock of its own.
      const endMs = performance.now() + PATIENCE_MS
      while ((await kept()).length > max && performance.now() < endMs) await setImmediate()
      t.same((await kept()).sort(), peers.slice(20).map(String).sort(), 'the first are gone')
    },
  )
}
