import t from 'tap'
import { createClientRates } from '../../src/http/client-rates.ts'
import { RATE_BURST_SECONDS } from '../../src/http/limits.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { call, startHarness } from './harness.ts'

t.test('each address has its own rate, and a /64 of IPv6 is one', async (t) => {
  const clock = createVirtualClock()
  const { check } = createClientRates({ clock }, { perSecond: 1 })
  for (let turn = 0; turn < RATE_BURST_SECONDS; turn++) check('192.0.2.1')
  t.throws(() => check('192.0.2.1'), { code: 'ERR_LIMIT_EXCEEDED', message: /192\.0\.2\.1/ })
  t.throws(() => check('::ffff:192.0.2.1'), { code: 'ERR_LIMIT_EXCEEDED' })
  check('192.0.2.2')
  for (let turn = 0; turn < RATE_BURST_SECONDS; turn++) check(`2001:db8::${turn}`)
  t.throws(() => check('2001:db8:0:0:1:2:3:4'), { code: 'ERR_LIMIT_EXCEEDED' })
  check('2001:db8:0:1::1')
  check('::1')
  check(undefined)
  await clock.advance(1_000)
  check('192.0.2.1')
  t.throws(() => check('192.0.2.1'))
})

t.test('what costs more is paid off before anything else is asked', async (t) => {
  const clock = createVirtualClock()
  const { check, charge } = createClientRates({ clock }, { perSecond: 2 })
  check('192.0.2.1')
  charge('192.0.2.1', 2 * RATE_BURST_SECONDS + 3)
  t.throws(() => check('192.0.2.1'), { code: 'ERR_LIMIT_EXCEEDED', message: /every 50 names/ })
  check('192.0.2.2')
  await clock.advance(500)
  t.throws(() => check('192.0.2.1'), 'paid off, and nothing left')
  await clock.advance(500)
  check('192.0.2.1')
})

t.test('nobody comes into more debt than a burst, whatever was asked', async (t) => {
  const clock = createVirtualClock()
  const { check, charge } = createClientRates({ clock }, { perSecond: 2 })
  check('192.0.2.1')
  for (let turn = 0; turn < 10; turn++) charge('192.0.2.1', 20_000)
  t.throws(() => check('192.0.2.1'), { code: 'ERR_LIMIT_EXCEEDED' })
  await clock.advance(RATE_BURST_SECONDS * 1_000)
  t.throws(() => check('192.0.2.1'), { code: 'ERR_LIMIT_EXCEEDED' })
  await clock.advance(500)
  check('192.0.2.1')
})

t.test('who may ask for nothing else still hears how the daemon is', async (t) => {
  const { check, charge } = createClientRates({ clock: createVirtualClock() }, { perSecond: 1 })
  check('192.0.2.1')
  charge('192.0.2.1', 1_000)
  t.throws(() => check('192.0.2.1'), { code: 'ERR_LIMIT_EXCEEDED' })
  for (let turn = 0; turn < RATE_BURST_SECONDS; turn++) check('192.0.2.1', 'probe')
  t.throws(() => check('192.0.2.1', 'probe'), { code: 'ERR_LIMIT_EXCEEDED' }, 'not without end')
})

t.test('0 is no limit', async (t) => {
  const { check } = createClientRates({ clock: createVirtualClock() }, { perSecond: 0 })
  for (let turn = 0; turn < 10_000; turn++) check('192.0.2.1')
  t.pass()
})

t.test('who asks too often is told when to come back; the unix socket is free', async (t) => {
  const clock = createVirtualClock()
  const harness = await startHarness({ requestsPerSecond: 1, clock })
  t.teardown(async () => {
    const stopping = harness.stop()
    await clock.advance(10_000)
    await stopping
  })
  const statuses: number[] = []
  for (let turn = 0; turn < RATE_BURST_SECONDS + 2; turn++) {
    statuses.push((await call(harness.url, 'GET', '/nothing-there')).status)
  }
  t.same(statuses.slice(-3), [404, 429, 429])
  for (const path of ['/healthz', '/readyz', '/healthz?now']) {
    t.equal((await call(harness.url, 'GET', path)).status, 200, path)
  }
  const answer = await call(harness.url, 'GET', '/files')
  t.match(answer.json(), { code: 'ERR_LIMIT_EXCEEDED' })
  t.match(answer.headers['retry-after'], /^\d+$/)
  for (let turn = 0; turn < 10; turn++) {
    t.equal((await call(harness.socketPath, 'GET', '/files')).status, 200)
  }
})
