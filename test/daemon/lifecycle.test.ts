import t from 'tap'
import { createLifecycle } from '../../src/daemon/lifecycle.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const setUp = () => {
  const clock = createVirtualClock()
  const controller = new AbortController()
  const lifecycle = createLifecycle({ clock, logger: silentLogger }, controller)
  const seen: string[] = []
  const step = (name: string) =>
    lifecycle.enter(
      name,
      () => void seen.push(`start ${name}`),
      () => void seen.push(`stop ${name}`),
    )
  return { clock, controller, lifecycle, seen, step }
}

t.test('stops in reverse order, once', async (t) => {
  const { lifecycle, seen, step } = setUp()
  await step('a')
  await step('b')
  t.equal(await lifecycle.leave(1000), true)
  t.equal(await lifecycle.leave(1000), true)
  t.same(seen, ['start a', 'start b', 'stop b', 'stop a'])
})

t.test('a step that fails is not undone, and those before it are', async (t) => {
  const { lifecycle, seen, step } = setUp()
  await step('a')
  const failing = lifecycle.enter(
    'b',
    () => Promise.reject(new Error('no')),
    () => seen.push('stop b'),
  )
  await t.rejects(failing, { message: 'no' })
  await lifecycle.leave(1000)
  t.same(seen, ['start a', 'stop a'])
})

t.test('one that cannot stop does not keep the others from it', async (t) => {
  const { lifecycle, seen, step } = setUp()
  await step('a')
  await lifecycle.enter(
    'b',
    () => {},
    () => Promise.reject(new Error('stuck')),
  )
  t.equal(await lifecycle.leave(1000), false)
  t.same(seen, ['start a', 'stop a'])
})

t.test('gives up at the deadline', async (t) => {
  const { clock, lifecycle } = setUp()
  await lifecycle.enter(
    'a',
    () => {},
    () => new Promise(() => {}),
  )
  const left = lifecycle.leave(1000)
  await clock.advance(1000)
  t.equal(await left, false)
})

t.test('a start that is cancelled leaves nothing, the step under way included', async (t) => {
  const { controller, lifecycle, seen, step } = setUp()
  await step('a')
  const begun = Promise.withResolvers<void>()
  const slow = lifecycle.enter(
    'b',
    () => begun.promise,
    () => void seen.push('stop b'),
  )
  controller.abort()
  const left = lifecycle.leave(1000)
  begun.resolve()
  await t.rejects(slow, { code: 'ERR_ABORTED' })
  await left
  t.same(seen, ['start a', 'stop a', 'stop b'])
  await t.rejects(step('c'), { code: 'ERR_ABORTED' })
  t.notOk(seen.includes('start c'))
})
