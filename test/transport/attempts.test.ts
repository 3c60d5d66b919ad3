import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { createAttempts } from '../../src/transport/attempts.ts'
import { MAX_BACKOFF_MS, MAX_IDLE_BACKOFF_MS, MIN_BACKOFF_MS } from '../../src/transport/limits.ts'
import { createSeededRandom } from '../support/random.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { PeerId } from '../../src/keys/index.ts'

const peer = '12D3KooA' as PeerId
const error = new MeshError('ERR_PEER_UNREACHABLE', 'nobody')

t.test('waits double up to a minute, with full jitter', async (t) => {
  const clock = createVirtualClock()
  const high = createAttempts({ clock, random: { ...createSeededRandom(1), fraction: () => 1 } })
  t.equal(high.dueMs(peer), 0)
  const waits = Array.from({ length: 9 }, () => {
    high.failed(peer, error)
    return high.dueMs(peer)
  })
  t.same(waits, [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000])
  t.same([MIN_BACKOFF_MS, MAX_BACKOFF_MS], [500, 60_000])
  const low = createAttempts({ clock, random: { ...createSeededRandom(1), fraction: () => 0 } })
  for (let count = 0; count < 2_000; count++) low.failed(peer, error)
  t.equal(low.dueMs(peer), 0)
  for (let count = 0; count < 2_000; count++) high.failed(peer, error, MAX_IDLE_BACKOFF_MS)
  t.equal(high.dueMs(peer), MAX_IDLE_BACKOFF_MS)
})

t.test('remembers the last error until it succeeds', async (t) => {
  const attempts = createAttempts({ clock: createVirtualClock(), random: createSeededRandom(1) })
  attempts.failed(peer, error)
  t.equal(attempts.get(peer)?.lastError, error)
  t.equal(attempts.get(peer)?.failures, 1)
  attempts.succeeded(peer)
  t.equal(attempts.get(peer), undefined)
  attempts.failed(peer, undefined)
  attempts.prune(() => true)
  t.ok(attempts.get(peer))
  attempts.prune(() => false)
  t.equal(attempts.get(peer), undefined)
})
