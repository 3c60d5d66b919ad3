import t from 'tap'
import { forEachParallel, linkSignals, sleep, watch } from '../../src/sync/async.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

t.test('a sleep ends in time or with its signal', async (t) => {
  const clock = createVirtualClock()
  const controller = new AbortController()
  const long = t.rejects(sleep(clock, 1000, controller.signal), { code: 'ERR_ABORTED' })
  const short = sleep(clock, 10, controller.signal)
  await clock.advance(10)
  await short
  controller.abort()
  await long
  t.equal(clock.pending(), 0)
  await t.rejects(sleep(clock, 10, controller.signal), { code: 'ERR_ABORTED' })
})

t.test('a watch gives up once, in time, and leaves nothing behind', async (t) => {
  const clock = createVirtualClock()
  let gaveUp = 0
  const init = { clock, limitMs: 100, giveUp: () => gaveUp++ }
  t.equal(await watch(init, 'something quick', async () => 7), 7)
  t.equal(clock.pending(), 0)
  const done = Promise.withResolvers<void>()
  const slow = watch(init, 'something slow', () => done.promise)
  await clock.advance(1000)
  t.equal(gaveUp, 1)
  done.resolve()
  await slow
  await t.rejects(
    watch(init, 'a failure', () => Promise.reject(new Error('no'))),
    { message: 'no' },
  )
  t.equal(clock.pending(), 0)
})

t.test('work runs so wide and no wider; the first failure is the result', async (t) => {
  let running = 0
  let most = 0
  const seen: number[] = []
  await forEachParallel([5, 4, 3, 2, 1], 2, async (item, index) => {
    most = Math.max(most, ++running)
    for (let turn = 0; turn < item; turn++) await Promise.resolve()
    seen.push(index)
    running--
  })
  t.equal(most, 2)
  t.same(seen.toSorted(), [0, 1, 2, 3, 4])
  const started: number[] = []
  const failing = forEachParallel([1, 2, 3, 4, 5, 6], 2, async (item) => {
    started.push(item)
    await Promise.resolve()
    if (item === 2) throw new Error('two')
  })
  await t.rejects(failing, { message: 'two' })
  t.ok(started.length < 6, 'nothing new is begun after a failure')
  await forEachParallel([], 3, async () => {
    t.fail('nothing to do')
  })
})

t.test('linked signals abort with any of them, and can be let go', async (t) => {
  const [a, b] = [new AbortController(), new AbortController()]
  const linked = linkSignals(a.signal, b.signal)
  b.abort(new Error('why'))
  t.ok(linked.signal.aborted)
  t.match(linked.signal.reason, { message: 'why' })
  const other = linkSignals(a.signal)
  other.end()
  a.abort()
  t.notOk(other.signal.aborted)
  t.ok(linkSignals(a.signal).signal.aborted, 'what is aborted already counts')
})
