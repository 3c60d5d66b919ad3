import t from 'tap'
import { linkSignals, sleep, watch } from '../../src/sync/async.ts'
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
