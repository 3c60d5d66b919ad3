import t from 'tap'
import { createTokenBucket, createTokenBuckets } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

t.test('allows a burst and then the rate', async (t) => {
  const clock = createVirtualClock()
  const bucket = createTokenBucket({ clock }, { perSecond: 10, burst: 3 })
  t.same(
    Array.from({ length: 4 }, () => bucket.tryTake(1)),
    [true, true, true, false],
  )
  await clock.advance(100)
  t.same([bucket.tryTake(1), bucket.tryTake(1)], [true, false])
  await clock.advance(60_000)
  t.same([bucket.tryTake(4), bucket.tryTake(3)], [false, true], 'never more than the burst')
})

t.test('says how long a debt takes to pay off', async (t) => {
  const clock = createVirtualClock()
  const bucket = createTokenBucket({ clock }, { perSecond: 1000 })
  t.equal(bucket.take(1000), 0)
  t.equal(bucket.take(500), 500)
  await clock.advance(250)
  t.equal(bucket.take(0), 250)
  await clock.advance(250)
  t.equal(bucket.take(0), 0)
})

t.test('what was taken and given back was not taken', async (t) => {
  const clock = createVirtualClock()
  const bucket = createTokenBucket({ clock }, { perSecond: 1, burst: 2 })
  bucket.take(100)
  bucket.give(99)
  t.same([bucket.tryTake(1), bucket.tryTake(1)], [true, false])
  bucket.give(99)
  t.same([bucket.tryTake(3), bucket.tryTake(2)], [false, true], 'never more than the burst')
})

t.test('each key has its own bucket, and the one used longest ago is forgotten', async (t) => {
  const clock = createVirtualClock()
  const bucketOf = createTokenBuckets<string>({ clock }, { perSecond: 1, burst: 1, maxKeys: 3 })
  const spend = (key: string): boolean => bucketOf(key).tryTake(1)
  t.same(['a', 'a', 'b', 'c'].map(spend), [true, false, true, true])
  t.notOk(spend('a'), 'remembered, and used again')
  t.ok(spend('d'), 'a fourth takes the place of b')
  t.notOk(spend('a'))
  t.ok(spend('b'), 'b was forgotten')
})
