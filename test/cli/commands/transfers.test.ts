import t from 'tap'
import { answer, serve, transfers } from '../../client/fixtures.ts'
import { mesh } from '../harness.ts'

t.test('shows what comes and goes, from whom and how fast, in 80 columns', async (t) => {
  const url = await serve(t, (_, response) => answer(response, 200, transfers))
  const { code, stdout } = await mesh(['transfers', '--url', url])
  t.equal(code, 0)
  t.match(stdout, /^FILE +PEER +DONE +OF +RATE +LEFT$/m)
  t.match(stdout, /^images\/base\.img +from 2 peers +512 MiB 50% +1 GiB +128 MiB\/s +4 s left$/m)
  t.match(stdout, /^ +web-1 +448 MiB +128 MiB\/s$/m)
  t.match(stdout, /^ +…3KooWother +0 B$/m)
  t.match(stdout, /^ +this machine +64 MiB$/m)
  t.match(stdout, /^app\.conf +to web-1 +3 MiB$/m)
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
})

t.test('says in which state it is where nothing comes', async (t) => {
  const [first] = transfers.receiving
  const receiving = [{ ...first, state: 'searching', leftMs: null, holders: [], localBytes: 0 }]
  const url = await serve(t, (_, response) => answer(response, 200, { receiving, sending: [] }))
  t.match((await mesh(['transfers', '--url', url])).stdout, /from 0 peers .* searching$/m)
})

t.test('prints JSON, and says when there is nothing', async (t) => {
  const none = { receiving: [], sending: [] }
  let body: object = none
  const url = await serve(t, (_, response) => answer(response, 200, body))
  t.match(await mesh(['transfers', '--url', url]), { stdout: 'Nothing is on its way.\n' })
  body = transfers
  const { stdout } = await mesh(['transfers', '--url', url, '--json'])
  t.same(JSON.parse(stdout), { schema: 'mesh-transfers/1', ...transfers })
})

t.test('goes on with --watch until it is interrupted, with an object a line', async (t) => {
  let asked = 0
  let kill = (_: NodeJS.Signals): void => {}
  const url = await serve(t, (_, response) => {
    answer(response, 200, transfers)
    if (++asked === 2) setTimeout(() => kill('SIGINT'), 200)
  })
  const { stdout } = await mesh(['transfers', '--url', url, '--watch', '--json'], {
    onStart: (end) => {
      kill = end
    },
  })
  const lines = stdout.trimEnd().split('\n')
  t.ok(lines.length >= 2)
  for (const line of lines) t.match(JSON.parse(line), { schema: 'mesh-transfers/1' })
})
