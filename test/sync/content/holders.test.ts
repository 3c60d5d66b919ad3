import t from 'tap'
import { createHolders } from '../../../src/sync/content/holders.ts'
import { HOLDER_COOLDOWN_MS, MAX_ASKED_PEERS, MAX_HOLDERS } from '../../../src/sync/limits.ts'
import { createSeededRandom } from '../../support/random.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import type { PeerId } from '../../../src/keys/index.ts'

const peer = (name: string): PeerId => name as PeerId
const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(peer) as [PeerId, PeerId, PeerId, PeerId]

const play = (init: { connected?: PeerId[]; wants?: Record<string, boolean> } = {}) => {
  const clock = createVirtualClock()
  const connected = init.connected ?? [a, b, c, d]
  const claims = { left: 1_000 }
  const holders = createHolders({
    clock,
    random: createSeededRandom(1),
    claims,
    connected: () => connected,
    wants: (peer) => init.wants?.[peer],
  })
  /** Who is asked, in order, until nobody is left. */
  const order = (): string => {
    const tried = new Set<PeerId>()
    for (let next = holders.next(tried); next !== undefined; next = holders.next(tried)) {
      tried.add(next)
    }
    return [...tried].join('')
  }
  return { clock, holders, order, connected, claims }
}

t.test('claimants come first, then those who want the name, then the unknown', async (t) => {
  const { holders, order } = play({ wants: { a: false, b: true } })
  t.ok(holders.claim(d))
  t.equal(order(), 'dbc', 'and who does not want it is not asked')
  t.ok(holders.hasClaimant())
})

t.test('only who is connected is asked', async (t) => {
  const { holders, order, connected } = play()
  holders.claim(a)
  connected.splice(0, 3)
  t.equal(order(), 'd')
  t.notOk(holders.hasClaimant())
})

t.test('who says that it is missing is not asked for a while, unless it claims anew', async (t) => {
  const { clock, holders, order } = play({ connected: [a, b] })
  holders.claim(a)
  holders.deny(a)
  t.equal(order(), 'b')
  t.notOk(holders.claim(a), 'a claim so soon is not worth acting on')
  t.equal(order(), 'ba', 'but it comes last')
  await clock.advance(HOLDER_COOLDOWN_MS + 1)
  t.equal(order(), 'ab')
})

t.test('who was asked unbidden and has it a moment later is news', (t) => {
  const { holders, order } = play({ connected: [a, b] })
  holders.deny(a)
  t.equal(order(), 'b')
  t.ok(holders.claim(a), 'worth acting on at once')
  t.equal(order(), 'ab')
  holders.deny(a)
  t.notOk(holders.claim(a), 'but not one that claimed it and had it not')
  t.end()
})

t.test('of those that all let us down the one that did so least comes first', (t) => {
  const { holders, order } = play({ connected: [a, b, c] })
  for (const [times, peer] of [a, b, c].entries()) {
    holders.claim(peer)
    for (let time = 0; time <= 2 - times; time++) holders.fail(peer)
  }
  t.equal(order(), 'cba')
  t.end()
})

t.test('who fails is asked after the others, for longer each time', async (t) => {
  const { clock, holders, order } = play({ connected: [a, b] })
  holders.claim(a)
  holders.fail(a)
  t.equal(order(), 'ba')
  await clock.advance(HOLDER_COOLDOWN_MS + 1)
  t.equal(order(), 'ab')
  holders.fail(a)
  await clock.advance(HOLDER_COOLDOWN_MS + 1)
  t.equal(order(), 'ba')
  await clock.advance(HOLDER_COOLDOWN_MS)
  t.equal(order(), 'ab')
})

t.test('who lied is never asked again', async (t) => {
  const { clock, holders, order } = play({ connected: [a, b] })
  holders.claim(a)
  holders.ban(a)
  t.notOk(holders.claim(a))
  await clock.advance(60 * 60_000)
  t.equal(order(), 'b')
})

t.test('so many peers are asked at random in one attempt and no more', async (t) => {
  const connected = Array.from({ length: 100 }, (_, index) => peer(`peer-${index}`))
  const { holders } = play({ connected })
  const tried = new Set<PeerId>()
  for (let next = holders.next(tried); next !== undefined; next = holders.next(tried))
    tried.add(next)
  t.equal(tried.size, MAX_ASKED_PEERS)
})

t.test('claims take room that all contents share, and give it back', async (t) => {
  const { holders, claims, connected } = play()
  claims.left = 2
  t.ok(holders.claim(a))
  t.notOk(holders.claim(a), 'again is no news')
  t.ok(holders.claim(b))
  t.notOk(holders.claim(c), 'there is no more room')
  t.equal(claims.left, 0)
  holders.deny(a)
  t.ok(holders.claim(c))
  connected.splice(0)
  holders.leave(b)
  holders.ban(c)
  t.equal(claims.left, 2)
  t.ok(holders.claim(d))
  holders.end()
  t.equal(claims.left, 2)
  t.notOk(holders.claim(d), 'it is over')
})

t.test('so many holders of one content are remembered and no more', async (t) => {
  const { holders, claims } = play()
  for (let index = 0; index < MAX_HOLDERS; index++) t.ok(holders.claim(peer(`holder-${index}`)))
  const before = claims.left
  t.notOk(holders.claim(a))
  t.equal(claims.left, before, 'and takes no room of other contents')
})

t.test('ever-new identities that claim and leave do not keep an honest one out', async (t) => {
  const { holders, claims } = play()
  for (let index = 0; index < 10 * MAX_HOLDERS; index++) {
    const mallory = peer(`mallory-${index}`)
    t.ok(holders.claim(mallory))
    holders.fail(mallory)
    holders.leave(mallory)
  }
  t.equal(claims.left, 1_000)
  t.ok(holders.claim(a))
  t.same(holders.claimants(), [a])
})
