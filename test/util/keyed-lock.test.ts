import t from 'tap'
import { createKeyedLock } from '../../src/util/index.ts'

t.test('tasks of one key run in order, also after one fails; other keys do not wait', async (t) => {
  const lock = createKeyedLock()
  const trace: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = lock.run('a', async () => {
    trace.push('a1 begins')
    await gate.promise
    trace.push('a1 ends')
    throw new Error('a1 fails')
  })
  const second = lock.run('a', async () => void trace.push('a2'))
  await lock.run('b', async () => void trace.push('b'))
  t.same(trace, ['a1 begins', 'b'])
  gate.resolve()
  await t.rejects(first, { message: 'a1 fails' })
  await second
  t.same(trace, ['a1 begins', 'b', 'a1 ends', 'a2'])
})
