import t from 'tap'
import { MAX_SETTLED_IDS } from '../../../src/sync/limits.ts'
import { createSettled } from '../../../src/sync/push-pull/settled.ts'
import { rootOf } from '../../../src/sync/push-pull/views.ts'
import { sha256 } from '../../../src/util/index.ts'

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((text) => sha256(text)) as [
  ReturnType<typeof sha256>,
  ReturnType<typeof sha256>,
  ReturnType<typeof sha256>,
  ReturnType<typeof sha256>,
]
const viewOf = (...ids: (typeof a)[]) => {
  const sorted = ids.toSorted()
  return { ids: () => sorted, root: rootOf(sorted) }
}

t.test('predicts the peer’s root from ours and what we agreed to differ in', async (t) => {
  const settled = createSettled()
  t.equal(settled.predict(viewOf(a, b)), viewOf(a, b).root)
  settled.addTheirs(c, 'x')
  settled.addOurs(a, 'y')
  t.equal(settled.predict(viewOf(a, b)), viewOf(b, c).root)
  t.equal(settled.predict(viewOf(a, b, d)), viewOf(b, c, d).root)
})

t.test('a name that changes is open again', async (t) => {
  const settled = createSettled()
  settled.addTheirs(c, 'x')
  settled.addOurs(a, 'x')
  settled.addOurs(b, 'y')
  settled.reopen('x')
  t.same([...settled.theirs.keys()], [])
  t.same([...settled.ours.keys()], [b])
})

t.test('keeps what an exchange of indexes has confirmed', async (t) => {
  const settled = createSettled()
  settled.addTheirs(a, 'x')
  settled.addTheirs(b, 'x')
  settled.addOurs(c, 'x')
  settled.keep(new Set([b]), new Set())
  t.same([...settled.theirs.keys()], [b])
  t.same([...settled.ours.keys()], [])
})

t.test('remembers so many and no more', async (t) => {
  const settled = createSettled()
  for (let count = 0; count < MAX_SETTLED_IDS + 10; count++)
    settled.addTheirs(sha256(`${count}`), 'x')
  t.equal(settled.theirs.size, MAX_SETTLED_IDS)
})
