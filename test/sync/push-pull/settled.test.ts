import t from 'tap'
import { MAX_SETTLED_IDS } from '../../../src/sync/limits.ts'
import { createSettled } from '../../../src/sync/push-pull/settled.ts'
import { sha256 } from '../../../src/util/index.ts'

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((text) => sha256(text)) as [
  ReturnType<typeof sha256>,
  ReturnType<typeof sha256>,
  ReturnType<typeof sha256>,
  ReturnType<typeof sha256>,
]
t.test('predicts the peer’s root from ours, as long as neither side changes', async (t) => {
  const settled = createSettled()
  t.equal(settled.predict(a), a)
  settled.agree({ ours: a, theirs: b })
  t.equal(settled.predict(a), b)
  t.equal(settled.predict(c), c, 'another root of ours')
  settled.reopen('x')
  t.equal(settled.predict(a), a, 'another policy of ours')
  t.not(b, d)
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

t.test('keeps what a whole comparison has confirmed', async (t) => {
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
