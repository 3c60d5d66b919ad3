import t from 'tap'
import { MAX_RATED_PEERS } from '../../src/sync/limits.ts'
import { createPeerBuckets, createTokenBucket } from '../../src/sync/token-bucket.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { PeerId } from '../../src/keys/index.ts'

t.test('a bucket allows a burst and then a rate', async (t) => {
  const clock = createVirtualClock()
  const bucket = createTokenBucket({ clock }, { perSecond: 10, burst: 5 })
  t.equal([1, 2, 3, 4, 5, 6].filter(() => bucket.tryTake(1)).length, 5)
  await clock.advance(100)
  t.ok(bucket.tryTake(1))
  t.notOk(bucket.tryTake(1))
  await clock.advance(60_000)
  t.ok(bucket.tryTake(5))
  t.notOk(bucket.tryTake(1), 'a pause is worth one burst and no more')
  t.equal(bucket.take(20), 2000, 'a debt takes its time')
  await clock.advance(1999)
  t.notOk(bucket.tryTake(0.1))
  await clock.advance(1)
  t.ok(bucket.take(0) < 0.001)
})

t.test('each peer has its own bucket, and so many are remembered', async (t) => {
  const clock = createVirtualClock()
  const bucketOf = createPeerBuckets({ clock }, { perSecond: 1, burst: 1 })
  const peer = (index: number): PeerId => `peer-${index}` as PeerId
  t.ok(bucketOf(peer(0)).tryTake(1))
  t.notOk(bucketOf(peer(0)).tryTake(1))
  t.ok(bucketOf(peer(1)).tryTake(1))
  for (let index = 2; index <= MAX_RATED_PEERS; index++) bucketOf(peer(index))
  t.ok(bucketOf(peer(0)).tryTake(1), 'the longest known was forgotten')
})
