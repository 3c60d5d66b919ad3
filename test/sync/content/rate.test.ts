import t from 'tap'
import { createRateGuard } from '../../../src/sync/content/rate.ts'
import { FAIR_RATE_BYTES, MIN_RATE_BYTES, MIN_RATE_WINDOW_MS } from '../../../src/sync/limits.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

t.test('a rate guard counts waiting, not working', async (t) => {
  const clock = createVirtualClock()
  const guard = createRateGuard({ clock }, { hasChoice: () => false })
  t.equal(guard.begin(), MIN_RATE_WINDOW_MS)
  await clock.advance(5000)
  guard.got(MIN_RATE_BYTES / 2)
  await clock.advance(60 * 60_000)
  t.equal(guard.begin(), MIN_RATE_WINDOW_MS - 5000, 'an hour of our own does not count')
  await clock.advance(1000)
  guard.got(MIN_RATE_BYTES / 2)
  t.equal(guard.begin(), MIN_RATE_WINDOW_MS, 'enough: a new window begins')
})

t.test('a rate guard asks for more while there is a choice', async (t) => {
  const clock = createVirtualClock()
  let hasChoice = true
  const guard = createRateGuard({ clock }, { hasChoice: () => hasChoice })
  guard.begin()
  await clock.advance(5000)
  guard.got(FAIR_RATE_BYTES - 1)
  t.equal(guard.begin(), MIN_RATE_WINDOW_MS - 5000)
  hasChoice = false
  guard.got(1)
  t.equal(guard.begin(), MIN_RATE_WINDOW_MS)
})
