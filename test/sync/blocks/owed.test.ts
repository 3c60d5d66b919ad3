import t from 'tap'
import { createOwed } from '../../../src/sync/blocks/owed.ts'
import { MAX_WINDOW_BYTES, MIN_PEER_WINDOW_BYTES } from '../../../src/sync/limits.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

t.test('fast holders share one window, and each has a little of its own', async (t) => {
  const clock = createVirtualClock()
  const owedByAll = { bytes: 0 }
  const [fast, other, slow] = [1, 2, 3].map(() => createOwed({ clock, owedByAll }))
  if (fast === undefined || other === undefined || slow === undefined) throw new Error('three')
  t.equal(fast.roomBytes(), MIN_PEER_WINDOW_BYTES, 'nobody knows yet how fast it is')

  for (const each of [fast, other]) each.came(8 * MAX_WINDOW_BYTES)
  await clock.advance(1_000)
  for (const each of [fast, other]) each.came(8 * MAX_WINDOW_BYTES)
  t.equal(fast.roomBytes(), MAX_WINDOW_BYTES, 'it may have all of it')
  fast.add(MAX_WINDOW_BYTES)
  t.equal(fast.roomBytes(), 0)
  t.equal(other.roomBytes(), MIN_PEER_WINDOW_BYTES, 'no more than its own is left for others')
  t.equal(slow.roomBytes(), MIN_PEER_WINDOW_BYTES)

  other.add(MIN_PEER_WINDOW_BYTES)
  fast.remove(MAX_WINDOW_BYTES)
  t.equal(fast.roomBytes(), MAX_WINDOW_BYTES - MIN_PEER_WINDOW_BYTES)
  other.end()
  t.equal(fast.roomBytes(), MAX_WINDOW_BYTES, 'who has left owes nothing')
  other.remove(MIN_PEER_WINDOW_BYTES)
  t.equal(owedByAll.bytes, 0, 'and what was being written then is not counted twice')
})
