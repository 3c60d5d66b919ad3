import t from 'tap'
import { rankOf, rankPeers } from '../../../src/sync/announce/rank.ts'
import type { PeerId } from '../../../src/keys/index.ts'

const peers = Array.from({ length: 40 }, (_, index) => `12D3KooPeer${index}` as PeerId)
const [self, ...others] = peers as [PeerId, ...PeerId[]]

t.test('a pair has one rank, seen from both sides', async (t) => {
  for (const other of others) t.equal(rankOf(self, other), rankOf(other, self))
  t.equal(new Set(others.map((other) => rankOf(self, other))).size, others.length)
})

t.test(
  'the order does not depend on who is asked about first, nor on who else is there',
  async (t) => {
    const order = rankPeers(self, others)
    t.same(rankPeers(self, others.toReversed()), order)
    t.same(
      rankPeers(self, others.slice(0, 20)),
      order.filter((peer) => others.slice(0, 20).includes(peer)),
    )
  },
)

t.test('nobody is everybody’s first choice', async (t) => {
  const first = peers.map(
    (peer) =>
      rankPeers(
        peer,
        peers.filter((each) => each !== peer),
      )[0],
  )
  const counts = new Map<PeerId | undefined, number>()
  for (const peer of first) counts.set(peer, (counts.get(peer) ?? 0) + 1)
  t.ok(Math.max(...counts.values()) <= 6)
})
