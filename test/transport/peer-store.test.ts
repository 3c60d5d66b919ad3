import fc from 'fast-check'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { publicKeyFromPeerId, publicKeyToBytes } from '../../src/keys/index.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { createMemoryStore, table } from '../../src/store/index.ts'
import { createAddressBook } from '../../src/transport/address-book.ts'
import {
  createPeerStore,
  decodeKnownPeer,
  encodeKnownPeer,
} from '../../src/transport/peer-store.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { Store } from '../../src/store/index.ts'

const KNOWN_PEERS = table('known-peers')
const newPeer = (): PeerId => peerIdFromPublicKey(generatePrivateKey(systemRandom).publicKey)
const own = newPeer()

const open = (store: Store, startMs?: number) => {
  const clock = createVirtualClock(startMs === undefined ? {} : { startMs })
  const book = createAddressBook({ clock, random: createSeededRandom(1) }, { own })
  const peers = createPeerStore(
    { store, book, logger: silentLogger },
    { isUsable: (location) => location.startsWith('/ip4/') },
  )
  peers.load()
  return { clock, book, peers }
}

t.test('who was reached is known again after a restart, and nobody else', async (t) => {
  const store = createMemoryStore()
  await store.open()
  const [a, b] = [newPeer(), newPeer()]
  const first = open(store)
  first.book.connected(a, '/ip4/10.0.0.1/tcp/1')
  first.book.learn(a, ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/1', '/future/address'])
  first.book.hear(a, b, ['/ip4/10.0.0.3/tcp/1'])
  await first.peers.save()
  const second = open(store)
  t.same(
    [...second.book.all()].map(({ peer, locations }) => ({ peer, locations })),
    [{ peer: a, locations: ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/1'] }],
  )
  t.equal(second.book.get(a)?.lastConnectedMs, first.clock.nowMs())
  second.book.forget(a)
  await second.peers.save()
  t.same([...open(store).book.all()], [])
})

t.test('what cannot be written is written the next time', async (t) => {
  const store = createMemoryStore()
  await store.open()
  const { book, peers } = open(store)
  const a = newPeer()
  book.connected(a, '/ip4/10.0.0.1/tcp/1')
  const broken: Store = { ...store, transaction: () => Promise.reject(new Error('disk full')) }
  const failing = createPeerStore(
    { store: broken, book, logger: silentLogger },
    { isUsable: () => true },
  )
  await t.rejects(failing.save(), { message: 'disk full' })
  await t.rejects(failing.save(), { message: 'disk full' }, 'it does not forget')
  book.connected(a)
  await peers.save()
  t.equal(store.count(KNOWN_PEERS), 1)
})

t.test(
  'of who came and went while nothing could be written, nothing is to be written',
  async (t) => {
    const store = createMemoryStore()
    await store.open()
    const { book } = open(store)
    const broken: Store = { ...store, transaction: () => Promise.reject(new Error('disk full')) }
    const failing = createPeerStore(
      { store: broken, book, logger: silentLogger },
      { isUsable: () => true },
    )
    const a = newPeer()
    book.connected(a, '/ip4/10.0.0.1/tcp/1')
    await t.rejects(failing.save())
    book.forget(a)
    await failing.save()
    t.pass('it is not tried')
  },
)

t.test('damaged and foreign entries are left out', async (t) => {
  const store = createMemoryStore()
  await store.open()
  const good = newPeer()
  const key = (peer: PeerId): Uint8Array => publicKeyToBytes(publicKeyFromPeerId(peer))
  await store.transaction((tx) => {
    tx.put(KNOWN_PEERS, Buffer.from('short'), encodeKnownPeer([], 0))
    tx.put(KNOWN_PEERS, Buffer.alloc(32, 0xff), encodeKnownPeer([], 0))
    tx.put(KNOWN_PEERS, key(newPeer()), Buffer.from('nonsense'))
    tx.put(
      KNOWN_PEERS,
      key(newPeer()),
      Buffer.concat([Buffer.of(2), encodeKnownPeer([], 0).subarray(1)]),
    )
    tx.put(KNOWN_PEERS, key(good), encodeKnownPeer(['/ip4/10.0.0.1/tcp/1'], 1))
  })
  t.same(
    [...open(store).book.all()].map(({ peer }) => peer),
    [good],
  )
})

t.test(
  'an entry decodes to what was encoded, and anything else to the declared error',
  async () => {
    const locations = fc.array(fc.string({ maxLength: 60 }), { maxLength: 8 })
    fc.assert(
      fc.property(locations, fc.nat(), (locations, timeMs) => {
        const wellFormed = locations.map((each) => each.toWellFormed())
        const decoded = decodeKnownPeer(encodeKnownPeer(wellFormed, timeMs))
        if (decoded.lastConnectedMs !== timeMs) throw new Error('another time')
        if (decoded.locations.join('\0') !== wellFormed.join('\0')) throw new Error('others')
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeKnownPeer(bytes)
        } catch (error) {
          if (!isMeshError(error, 'ERR_PROTOCOL_MALFORMED')) throw error
        }
      }),
    )
  },
)
