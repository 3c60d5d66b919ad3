/** What libp2p remembers of peers with the DHT on, beyond those that are connected. */
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { createDhtPeers } from '../../src/transport/dht-peers.ts'
import { createHandshakes } from '../../src/transport/handshakes.ts'
import { createLibp2pNode } from '../../src/transport/libp2p-node.ts'
import { MAX_DHT_PEERS } from '../../src/transport/limits.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import type { PeerId } from '@libp2p/interface'

const createPeerIds = (count: number): Promise<PeerId[]> =>
  Promise.all(
    Array.from({ length: count }, async () =>
      peerIdFromPrivateKey(await generateKeyPair('Ed25519')),
    ),
  )

t.test(
  'who was heard of longest ago is forgotten first, and nobody who is connected',
  async (t) => {
    const peers = await createPeerIds(MAX_DHT_PEERS + 3)
    const [connected, again] = peers
    const forgotten: PeerId[] = []
    const dhtPeers = createDhtPeers({
      isConnected: (peer) => peer === connected,
      forget: (peer) => forgotten.push(peer),
    })
    for (const peer of peers.slice(0, MAX_DHT_PEERS)) dhtPeers.heard(peer)
    if (again !== undefined) dhtPeers.heard(again)
    t.same(forgotten, [])
    for (const peer of peers.slice(MAX_DHT_PEERS)) dhtPeers.heard(peer)
    t.same(forgotten.map(String), peers.slice(2, 5).map(String))
  },
)

t.test('peers that members make up do not pile up in libp2p', async (t) => {
  const unused = (): never => t.fail('nobody connects here') as never
  const nothing = (): void => {}
  const [clock, random] = [systemClock, systemRandom]
  const node = await createLibp2pNode(
    {
      ...{ identity: generatePrivateKey(random), clock, random },
      handshakes: createHandshakes({ clock }, { onFailed: nothing }),
    },
    {
      ...{ listen: [], psks: [], announce: [], dht: true },
      ...{ maxConnections: 10, maxInboundBytesPerSecond: 2 ** 20 },
      ...{ membership: unused, checkPlace: nothing, isAvoided: () => false },
      ...{ onDiscovered: nothing, onBreach: nothing, onRefused: nothing },
      ...{ onOpen: nothing, onClose: nothing },
    },
  )
  const addresses = [multiaddr('/ip4/192.0.2.1/tcp/1')]
  const peers = await createPeerIds(MAX_DHT_PEERS + 20)
  for (const peer of peers) await node.peerStore.merge(peer, { multiaddrs: addresses })
  const kept = async () => (await node.peerStore.all()).map(({ id }) => `${id}`)
  // Each is forgotten behind a lock of its own.
  while ((await kept()).length > MAX_DHT_PEERS) await setImmediate()
  t.equal((await kept()).length, MAX_DHT_PEERS)
  const made = peers.map(String)
  t.same(
    (await kept()).filter((peer) => !made.slice(20).includes(peer)),
    [],
    'the first are gone',
  )
})
