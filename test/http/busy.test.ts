/** All connections of a running HTTP face in use: what the next client and the command are told. */
import t from 'tap'
import { MAX_CONNECTIONS } from '../../src/http/limits.ts'
import { mesh } from '../cli/harness.ts'
import { blockStat, call, send, startHarness } from './harness.ts'

t.test('one client more than there are places is told when to come again', async (t) => {
  const full = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  let waiting = 0
  const { socketPath, url, stop } = await startHarness({
    blocks: {
      ...{ stat: () => blockStat, scrub: () => {} },
      async gc() {
        if (++waiting === MAX_CONNECTIONS) full.resolve()
        await end.promise
        return {
          ...{ removedBlocks: 0, removedBytes: 0, waitingBlocks: 0 },
          ...{ strayFiles: 0, strayBytes: 0, abandonedAssemblies: 0 },
        }
      },
      verify: async () => {
        throw new Error('nobody asks for it')
      },
    },
  })
  t.teardown(stop)
  const asked = Array.from({ length: MAX_CONNECTIONS }, () =>
    send(socketPath, 'POST', '/blocks/gc'),
  )
  await full.promise

  const { status, headers, json } = await call(socketPath, 'GET', '/status')
  t.equal(status, 503)
  t.match(headers, { 'retry-after': '5', connection: 'close' })
  t.match(json(), { code: 'ERR_DAEMON_BUSY', status: 503, retryAfterSeconds: 5 })
  const refused = await mesh(['status', '--socket', socketPath])
  t.equal(refused.code, 5, 'as of a daemon that does not answer: trying again may help')
  t.match(refused.stderr, /all 256 connections of this listener are in use; try again in 5 s/)
  t.match(refused.stderr, /\(ERR_DAEMON_BUSY\)/)
  t.equal((await call(url, 'GET', '/healthz')).status, 200, 'TCP has places of its own')

  end.resolve()
  const answers = await Promise.all(asked)
  t.ok(
    answers.every(({ status }) => status === 200),
    'nobody lost its place',
  )
  t.equal((await call(socketPath, 'GET', '/status')).status, 200)
  const metrics = (await call(socketPath, 'GET', '/metrics')).body.toString()
  t.match(metrics, /^mesh_http_requests_total\{method="GET",status="503"\} [2-9]$/m)
})
