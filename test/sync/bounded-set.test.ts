import t from 'tap'
import { createBoundedSet } from '../../src/sync/bounded-set.ts'

t.test('a bounded set forgets what was longest not asked for', async (t) => {
  const set = createBoundedSet<string>(3)
  for (const item of ['a', 'b', 'c']) set.add(item)
  t.ok(set.has('a'))
  set.add('d')
  t.equal(set.size, 3)
  t.notOk(set.has('b'))
  t.ok(set.has('a') && set.has('c') && set.has('d'))
  set.add('a')
  t.equal(set.size, 3)
})
