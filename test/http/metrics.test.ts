import t from 'tap'
import { call, startHarness } from './harness.ts'

t.test('metrics are told on the unix socket, in the format of Prometheus', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  await call(harness.socketPath, 'GET', '/nothing-there')
  const answer = await call(harness.socketPath, 'GET', '/metrics')
  t.equal(answer.status, 200)
  t.match(answer.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  t.match(answer.body.toString(), /^mesh_http_requests_total\{method="GET",status="404"\} 1$/m)
})

t.test('metrics over TCP are refused until the configuration allows them', async (t) => {
  const closed = await startHarness()
  t.teardown(closed.stop)
  const refused = await call(closed.url, 'GET', '/metrics')
  t.equal(refused.status, 403)
  t.match(refused.body.toString(), /http\.metrics = true/)
  const open = await startHarness({ metrics: true })
  t.teardown(open.stop)
  t.equal((await call(open.url, 'GET', '/metrics')).status, 200)
})
