import t from 'tap'
import { forEachParallel } from '../../src/util/index.ts'

t.test('tasks run so wide and no wider, in order', async (t) => {
  let running = 0
  let most = 0
  const begun: number[] = []
  const task = async (item: number, index: number): Promise<void> => {
    most = Math.max(most, ++running)
    begun.push(index)
    for (let turn = 0; turn < item; turn++) await Promise.resolve()
    running--
  }
  await forEachParallel(new Set([5, 4, 3, 2, 1]), 2, task)
  t.equal(most, 2)
  t.same(begun, [0, 1, 2, 3, 4])
  await forEachParallel([], 3, async () => {
    t.fail('nothing to do')
  })
})

t.test('after a failure nothing is begun, and what is under way is waited for', async (t) => {
  const begun: number[] = []
  const slow = Promise.withResolvers<void>()
  let settled = false
  const failing = forEachParallel([1, 2, 3, 4], 2, async (item) => {
    begun.push(item)
    if (item === 2) throw new Error('two')
    await slow.promise
    throw new Error('late')
  }).finally(() => {
    settled = true
  })
  failing.catch(() => {})
  await new Promise(setImmediate)
  t.notOk(settled)
  slow.resolve()
  await t.rejects(failing, { message: 'two' }, 'the first failure')
  t.same(begun, [1, 2])
})
