import t from 'tap'
import { createWorkers, silentLogger } from '../../../src/observe/index.ts'
import { createDues } from '../../../src/sync/push-pull/dues.ts'
import { createSeededRandom } from '../../support/random.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import type { PeerId } from '../../../src/keys/index.ts'

const peer = (index: number): PeerId => `peer-${index}` as PeerId

const play = (round: (peer: PeerId) => Promise<void>) => {
  const clock = createVirtualClock()
  const random = createSeededRandom(1)
  const workers = createWorkers({ clock, random, logger: silentLogger })
  const gone = new Set<PeerId>()
  const begun: [PeerId, number][] = []
  const dues = createDues({
    clock,
    random,
    workers,
    isConnected: (each) => !gone.has(each),
    round(each) {
      begun.push([each, clock.monotonicMs()])
      return round(each)
    },
    maxDelayMs: 30_000,
  })
  dues.start()
  return { clock, dues, gone, begun }
}

const soon = { delayMs: 20, ours: true }

t.test('a round comes after the delay, once, whatever else is said meanwhile', async (t) => {
  const { clock, dues, begun } = play(async () => {})
  dues.add(peer(1), { delayMs: 1000, ours: true })
  dues.add(peer(1), soon)
  dues.add(peer(1), { delayMs: 5000, ours: true })
  await clock.advance(19)
  t.same(begun, [])
  await clock.advance(60_000)
  t.equal(begun.length, 1)
  t.ok((begun[0]?.[1] ?? 0) <= 42)
  await dues.stop()
})

t.test('one that the peer begins spares ours, unless it must be ours', async (t) => {
  const { clock, dues, begun } = play(async () => {})
  dues.add(peer(1), { delayMs: 2000, ours: false })
  dues.add(peer(2), { delayMs: 2000, ours: true })
  dues.served(peer(1))
  dues.served(peer(2))
  await clock.advance(10_000)
  t.same(
    begun.map(([each]) => each),
    [peer(2)],
  )
  await dues.stop()
})

t.test('others wait a while for the first one, and then no longer', async (t) => {
  let free = Promise.withResolvers<void>()
  const { clock, dues, begun } = play(() => free.promise)
  for (let index = 0; index < 6; index++) dues.add(peer(index), soon)
  await clock.advance(900)
  t.equal(begun.length, 1)
  await clock.advance(60_000)
  t.equal(begun.length, 4, 'four side by side, a second apart')
  const { resolve } = free
  free = Promise.withResolvers()
  free.resolve()
  resolve()
  await clock.advance(100)
  t.equal(begun.length, 6)
  await dues.stop()
})

t.test('a failure is tried again, later each time, as long as the peer is there', async (t) => {
  const { clock, dues, gone, begun } = play(() => Promise.reject(new Error('no')))
  dues.add(peer(1), soon)
  await clock.advance(5 * 60_000)
  const gaps = begun.slice(1).map(([, atMs], index) => atMs - (begun[index]?.[1] ?? 0))
  t.ok(gaps.every((gap, index) => index === 0 || gap >= (gaps[index - 1] ?? 0) - 5))
  t.ok((gaps[0] ?? 0) < 3000 && (gaps.at(-1) ?? 0) >= 30_000)
  gone.add(peer(1))
  await clock.advance(60_000)
  const { length } = begun
  await clock.advance(10 * 60_000)
  t.equal(begun.length, length)
  await dues.stop()
})

t.test('what is removed, or stopped, does not come', async (t) => {
  const { clock, dues, begun } = play(async () => {})
  dues.add(peer(1), soon)
  dues.add(peer(2), soon)
  dues.remove(peer(1))
  await clock.advance(1000)
  t.same(
    begun.map(([each]) => each),
    [peer(2)],
  )
  dues.add(peer(3), soon)
  await dues.stop()
  await clock.advance(1000)
  t.equal(begun.length, 1)
  t.equal(clock.pending(), 0)
})
