/** Which blocks are still to be asked for, and who has been asked for which. */
import t from 'tap'
import { Schedule } from '../../../src/sync/blocks/schedule.ts'
import { createTestPart } from '../../support/block-part.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const play = () => {
  const clock = createVirtualClock()
  const missing = new Set([0, 1, 2])
  const schedule = new Schedule((index) => missing.has(index))
  for (const index of missing) schedule.want(index, false)
  const [a, b, c] = ['a', 'b', 'c'].map((name) => createTestPart(clock, name))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three were made')
  return { schedule, missing, a, b, c }
}
const any = { suits: () => true }

t.test('what another was asked for long ago is overtaken, the oldest first', async (t) => {
  const { schedule, a, b } = play()
  schedule.ask(a, 0, 20)
  schedule.ask(a, 1, 10)
  t.equal(schedule.oldestOfOthers(b, { ...any, untilMs: 5 }), undefined)
  t.equal(schedule.oldestOfOthers(b, { ...any, untilMs: 20 }), 1)
  t.equal(schedule.oldestOfOthers(a, { ...any, untilMs: 20 }), undefined, 'not of itself')
})

t.test('a block that is being written is asked of nobody else', async (t) => {
  const { schedule, a, b } = play()
  schedule.ask(a, 0, 10)
  // It came, and is being checked and written.
  a.asked.delete(0)
  t.equal(schedule.oldestOfOthers(b, { ...any, untilMs: 1_000 }), undefined)
})

t.test('of those that several were asked for, only one that nobody sends', async (t) => {
  const { schedule, a, b, c } = play()
  schedule.ask(a, 0, 10)
  schedule.ask(b, 0, 20)
  a.movedMs = 30
  t.equal(schedule.oldestOfOthers(c, { ...any, untilMs: 25 }), undefined, 'one of them moves')
  t.equal(schedule.oldestOfOthers(c, { ...any, untilMs: 30 }), 0)
})

t.test('what does not come from a holder is open again, unless another was asked', async (t) => {
  const { schedule, missing, a, b } = play()
  schedule.ask(a, 0, 10)
  schedule.ask(b, 0, 20)
  schedule.unask(a, 0)
  t.same([...schedule.open()], [1, 2])
  schedule.unask(b, 0)
  t.same([...schedule.open()], [1, 2, 0])
  schedule.ask(a, 0, 30)
  missing.delete(0)
  schedule.unask(a, 0)
  t.same([...schedule.open()], [1, 2], 'it is here meanwhile')
})

t.test('what is here is cancelled with all who still owe it', async (t) => {
  const { schedule, a, b } = play()
  schedule.ask(a, 0, 10)
  schedule.ask(b, 0, 10)
  schedule.arrived(a, 0)
  schedule.settle(0)
  t.same(a.said, [], 'it knows')
  t.same(b.said, ['cancel 0'])
})
