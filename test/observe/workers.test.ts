import t from 'tap'
import { createWorkers, silentLogger } from '../../src/observe/index.ts'
import type { WorkerInit } from '../../src/observe/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const setUp = () => {
  const clock = createVirtualClock()
  const workers = createWorkers({ clock, random: createSeededRandom(1), logger: silentLogger })
  const add = (init: Partial<WorkerInit>) =>
    workers.add({ name: 'test', run: async () => undefined, jitter: 0, ...init })
  return { clock, workers, add }
}

t.test('a worker runs after each interval and when woken', async (t) => {
  const { clock, add } = setUp()
  let runs = 0
  const worker = add({ run: async () => void runs++, intervalMs: 1000 })
  await clock.advance(999)
  t.equal(runs, 0)
  await clock.advance(1)
  t.equal(runs, 1)
  worker.wake()
  await clock.settle()
  t.equal(runs, 2)
  t.match(worker.status(), { name: 'test', state: 'idle', runs: 2, failures: 0 })
  t.equal(worker.status().nextRunInMs, 1000)
})

t.test('waking a worker leaves no timer behind: at rest it runs once per interval', async (t) => {
  const { clock, add } = setUp()
  let runs = 0
  const worker = add({ run: async () => void runs++, intervalMs: 1000 })
  for (let wakes = 0; wakes < 20; wakes++) {
    worker.wake()
    worker.wake(10)
    await clock.advance(1)
  }
  await clock.advance(500)
  t.equal(clock.pending(), 1)
  const before = runs
  await clock.advance(10_000)
  t.equal(runs - before, 10)
})

t.test('jitter spreads the interval to both sides and no further', async (t) => {
  const { clock, add } = setUp()
  const times: number[] = []
  add({ run: async () => void times.push(clock.monotonicMs()), intervalMs: 1000, jitter: 0.2 })
  await clock.advance(60_000)
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  t.ok(Math.min(...gaps) >= 800 && Math.max(...gaps) <= 1200)
  t.ok(Math.max(...gaps) - Math.min(...gaps) > 100)
})

t.test('woken while running, it runs exactly once more', async (t) => {
  const { clock, add } = setUp()
  let runs = 0
  const gate = Promise.withResolvers<void>()
  const worker = add({
    run: async () => {
      runs++
      await gate.promise
    },
  })
  worker.wake()
  worker.wake()
  worker.wake()
  t.equal(worker.status().state, 'running')
  gate.resolve()
  await clock.advance(1)
  t.equal(runs, 2)
  t.equal(worker.status().nextRunInMs, undefined)
})

t.test('of several delayed wakes the soonest wins', async (t) => {
  const { clock, add } = setUp()
  const times: number[] = []
  const worker = add({ run: async () => void times.push(clock.monotonicMs()) })
  worker.wake(500)
  worker.wake(100)
  worker.wake(900)
  await clock.advance(2000)
  t.same(times, [100])
})

t.test('a failure is counted and told, and does not end the work', async (t) => {
  const { clock, add } = setUp()
  let runs = 0
  const worker = add({
    run: async () => {
      if (runs++ === 0) throw new Error('no luck')
    },
    intervalMs: 1000,
  })
  await clock.advance(1000)
  t.match(worker.status(), { failures: 1, lastError: 'no luck' })
  await clock.advance(1000)
  t.match(worker.status(), { runs: 2, failures: 1 })
  t.equal(worker.status().lastError, undefined)
})

t.test('stopping aborts the run under way, waits for it, and is final', async (t) => {
  const { clock, workers, add } = setUp()
  let ended = false
  const worker = add({
    intervalMs: 1000,
    run: (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          ended = true
          reject(signal.reason)
        })
      }),
  })
  worker.wake()
  await workers.stop()
  t.ok(ended)
  t.match(worker.status(), { state: 'stopped', failures: 0 })
  worker.wake()
  await clock.advance(5000)
  t.match(workers.list(), [{ name: 'test', state: 'stopped', runs: 0 }])
  await workers.stop()
})
