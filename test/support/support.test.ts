import t from 'tap'
import { createSeededRandom } from './random.ts'
import { createVirtualClock } from './virtual-clock.ts'

t.test('calls run in order of time, then of scheduling, and see their own time', async (t) => {
  const clock = createVirtualClock({ startMs: 1000 })
  const seen: [string, number, number][] = []
  const note = (name: string) => () => seen.push([name, clock.monotonicMs(), clock.nowMs()])
  clock.schedule(20, note('c'))
  clock.schedule(10, note('a'))
  clock.schedule(10, note('b'))
  clock.schedule(10, () => clock.schedule(0, note('nested')))
  const cancel = clock.schedule(15, note('never'))
  cancel()
  cancel()
  await clock.advance(15)
  t.same(seen, [
    ['a', 10, 1010],
    ['b', 10, 1010],
    ['nested', 10, 1010],
  ])
  t.equal(clock.pending(), 1)
  t.equal(clock.monotonicMs(), 15)
  t.equal(await clock.runUntilIdle(100), true)
  t.same(seen.at(-1), ['c', 20, 1020])
})

t.test('promises come to rest between two moments', async (t) => {
  const clock = createVirtualClock()
  const seen: string[] = []
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.schedule(ms, resolve))
  const walk = async (name: string) => {
    for (let step = 1; step <= 3; step++) {
      await sleep(10)
      await Promise.resolve()
      seen.push(`${name}${step}`)
    }
  }
  void walk('a')
  void walk('b')
  await clock.advance(30)
  t.same(seen, ['a1', 'b1', 'a2', 'b2', 'a3', 'b3'])
})

t.test('promises of one call come to rest before the next call of the same moment', async (t) => {
  const clock = createVirtualClock()
  const seen: string[] = []
  clock.schedule(10, async () => {
    for (let step = 0; step < 5; step++) await Promise.resolve()
    seen.push('first')
  })
  clock.schedule(10, () => seen.push('second'))
  await clock.advance(10)
  t.same(seen, ['first', 'second'])
})

t.test('runUntil stops at the moment asked for, or says that it never came', async (t) => {
  const clock = createVirtualClock()
  let done = false
  clock.schedule(50, () => {
    done = true
  })
  t.equal(await clock.runUntil(() => done, 10), false)
  t.equal(clock.monotonicMs(), 10)
  t.equal(await clock.runUntil(() => done, 1000), true)
  t.equal(clock.monotonicMs(), 50)
})

t.test('the wall clock jumps and durations do not', async (t) => {
  const clock = createVirtualClock({ startMs: 0 })
  clock.jumpWall(-5000)
  await clock.advance(10)
  t.equal(clock.nowMs(), -4990)
  t.equal(clock.monotonicMs(), 10)
})

t.test('seeded randomness repeats, forks and stays within its limits', async (t) => {
  const draw = (seed: number) => {
    const random = createSeededRandom(seed)
    return [random.below(10), random.fraction(), [...random.bytes(4)], random.fork('x').below(1000)]
  }
  t.same(draw(1), draw(1))
  t.notSame(draw(1), draw(2))
  const random = createSeededRandom('limits')
  const counts = Array.from({ length: 6 }, () => 0)
  for (let count = 0; count < 6000; count++) {
    const value = random.below(6)
    counts[value] = (counts[value] ?? 0) + 1
  }
  t.ok(
    counts.every((count) => count > 850 && count < 1150),
    `${counts}`,
  )
  t.same(random.shuffle([1, 2, 3, 4]).toSorted(), [1, 2, 3, 4])
  t.ok([1, 2].includes(random.pick([1, 2])))
})
