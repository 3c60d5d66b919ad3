import t from 'tap'
import { createAddressBook } from '../../src/transport/address-book.ts'
import {
  KNOWN_PEER_TTL_MS,
  MAX_ADDRESSES_PER_PEER,
  MAX_HEARSAY_PER_PEER,
  MAX_KNOWN_PEERS,
  PASS_ON_TTL_MS,
} from '../../src/transport/limits.ts'
import { createSeededRandom } from '../support/random.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { PeerId } from '../../src/keys/index.ts'

const peer = (name: string | number): PeerId => `12D3Koo${name}` as PeerId
const [own, a, b, c] = ['own', 'a', 'b', 'c'].map(peer) as [PeerId, PeerId, PeerId, PeerId]
const place = (number: number): string => `/ip4/10.0.${number >> 8}.${number & 255}/tcp/7946`

const setUp = () => {
  const clock = createVirtualClock()
  const random = createSeededRandom(1)
  return { clock, book: createAddressBook({ clock, random }, { own }) }
}

t.test('where a peer was reached comes before where it is said to be', async (t) => {
  const { book } = setUp()
  book.addBootstrap(a, place(1))
  book.hear(b, a, [place(2)])
  t.same(book.get(a)?.locations, [place(1), place(2)])
  book.connected(a, place(2))
  book.learn(a, [place(3), place(2)])
  t.same(book.get(a)?.locations, [place(2), place(1), place(3)])
  t.equal(book.get(a)?.bootstrap, true)
})

t.test('what a peer no longer stands by is given up', async (t) => {
  const { book } = setUp()
  book.connected(a, place(1))
  book.learn(a, [place(1), place(2)])
  book.connected(a, place(2))
  book.learn(a, [place(3)])
  t.same(book.get(a)?.locations, [place(2), place(3)], 'but for where it was reached last')
})

t.test('this node itself is never in the book', async (t) => {
  const { book } = setUp()
  book.addBootstrap(own, place(1))
  book.hear(a, own, [place(1)])
  book.learn(own, [place(1)])
  book.connected(own, place(1))
  book.restore(own, [place(1)], 1)
  t.same([...book.all()], [])
})

t.test('one peer can make us hear of so many others and no more', async (t) => {
  const { book } = setUp()
  for (let index = 0; index < 500; index++) book.hear(a, peer(index), [place(index)])
  t.equal([...book.all()].length, MAX_HEARSAY_PER_PEER)
  t.ok(book.hear(b, c, [place(1)]), 'others are heard')
  book.connected(peer(0), place(0))
  t.ok(book.hear(a, peer(1000), [place(1)]), 'who was right is believed again')
})

t.test(
  'hearsay never drives out who was reached, and who was reached longest ago goes first',
  async (t) => {
    const { clock, book } = setUp()
    book.addBootstrap(a, place(1))
    for (let index = 0; index < MAX_KNOWN_PEERS - 2; index++) {
      book.connected(peer(index), place(index))
      await clock.advance(1)
    }
    book.hear(peer('x'), peer('rumour'), [place(1)])
    t.equal([...book.all()].length, MAX_KNOWN_PEERS)
    t.ok(book.hear(peer('x'), peer('rumour 2'), [place(1)]), 'one rumour makes room for another')
    t.equal(book.get(peer('rumour')), undefined)
    book.connected(b, place(1))
    t.equal(book.get(peer('rumour 2')), undefined)
    t.notOk(book.hear(peer('x'), peer('rumour 3'), [place(1)]))
    book.connected(c, place(1))
    t.equal(book.get(peer(0)), undefined, 'the oldest goes')
    t.ok(book.get(a), 'a configured one stays')
    t.equal([...book.all()].length, MAX_KNOWN_PEERS)
  },
)

t.test('those who only came in go before those we reached', async (t) => {
  const { clock, book } = setUp()
  book.connected(a, place(1))
  await clock.advance(1_000)
  for (let index = 0; index < 2 * MAX_KNOWN_PEERS; index++) book.learn(peer(index), [place(index)])
  t.ok(book.get(a))
})

t.test('who came in and told no address leaves no trace', async (t) => {
  const { book } = setUp()
  book.connected(a)
  t.equal(book.get(a), undefined)
  book.learn(a, [place(1)])
  t.ok(book.get(a))
})

t.test('a peer has so many addresses', async (t) => {
  const { book } = setUp()
  const many = Array.from({ length: 20 }, (_, index) => place(index))
  book.learn(a, many)
  t.equal(book.get(a)?.locations.length, MAX_ADDRESSES_PER_PEER)
  book.hear(b, a, many)
  t.equal(book.get(a)?.locations.length, MAX_ADDRESSES_PER_PEER)
  for (const location of many) book.connected(a, location)
  t.equal(book.get(a)?.locations.length, MAX_ADDRESSES_PER_PEER)
})

t.test('only peers that were reached lately are passed on', async (t) => {
  const { clock, book } = setUp()
  book.addBootstrap(peer('configured'), place(1))
  book.hear(b, peer('rumour'), [place(1)])
  book.connected(a, place(1))
  await clock.advance(PASS_ON_TTL_MS / 2)
  book.connected(c, place(2))
  const told = (): PeerId[] => [...book.shuffled()].map(({ peer }) => peer)
  t.same(told().sort(), [a, c].sort())
  await clock.advance(PASS_ON_TTL_MS / 2 + 1)
  t.same(told(), [c])
})

t.test('they are passed on each once, in another order each time', async (t) => {
  const { book } = setUp()
  const known = Array.from({ length: 40 }, (_, index) => peer(`peer ${index}`))
  for (const each of known) book.connected(each, place(1))
  const orders = Array.from({ length: 20 }, () => [...book.shuffled()].map(({ peer }) => peer))
  for (const order of orders) t.same(order.toSorted(), known.toSorted())
  t.equal(new Set(orders.map((order) => order.join())).size, 20)
})

t.test('who was not reached for a month is forgotten, and the store is told', async (t) => {
  const { clock, book } = setUp()
  book.connected(a, place(1))
  book.addBootstrap(b, place(2))
  book.connected(b)
  t.same(book.takeChanges(), new Set([a, b]))
  await clock.advance(KNOWN_PEER_TTL_MS + 1)
  book.expire()
  t.equal(book.get(a), undefined)
  t.ok(book.get(b), 'a configured one stays')
  t.same(book.takeChanges(), new Set([a]))
})

t.test('a time in the future, from a clock that was wrong, is not believed', async (t) => {
  const { clock, book } = setUp()
  book.restore(a, [place(1)], clock.nowMs() + 10 * KNOWN_PEER_TTL_MS)
  t.equal(book.get(a)?.lastConnectedMs, clock.nowMs())
})

t.test('a configured peer cannot be forgotten', async (t) => {
  const { book } = setUp()
  book.addBootstrap(a, place(1))
  book.forget(a)
  t.ok(book.get(a))
  book.hear(a, b, [place(2)])
  book.forget(b)
  t.equal(book.get(b), undefined)
})
