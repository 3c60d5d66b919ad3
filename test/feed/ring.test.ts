import t from 'tap'
import { createRing } from '../../src/feed/ring.ts'

t.test('holds the last items by count', async (t) => {
  const ring = createRing<string>({ maxItems: 3, maxBytes: 1_000 })
  t.same([ring.oldest(), ring.newest()], [1, 0])
  for (const item of ['a', 'b', 'c', 'd']) ring.push(item, 1)
  t.same([ring.oldest(), ring.newest()], [2, 4])
  t.same([1, 2, 3, 4, 5].map(ring.at), [undefined, 'b', 'c', 'd', undefined])
})

t.test('holds the last items by size, and nothing that is larger than all of it', async (t) => {
  const ring = createRing<string>({ maxItems: 100, maxBytes: 10 })
  for (const item of ['a', 'b', 'c']) ring.push(item, 4)
  t.same([ring.oldest(), ring.newest()], [2, 3])
  ring.push('huge', 11)
  t.same([ring.oldest(), ring.newest()], [5, 4])
  t.equal(ring.at(4), undefined)
  ring.push('small', 1)
  t.equal(ring.at(5), 'small')
})
