/** `mesh file list`, `status` and `history`: what a daemon says about files. */
import t from 'tap'
import { answer, file, serve, version } from '../../client/fixtures.ts'
import { mesh, publicText } from '../harness.ts'

const signer = publicText(1)

t.test('lists files in 80 columns', async (t) => {
  const files = [
    file,
    { ...file, name: `certs/${'x'.repeat(90)}`, state: 'missing', conflict: true },
    { ...file, name: 'gone', state: 'deleted', current: { ...version, content: null } },
    { ...file, name: 'new', state: 'none', current: null },
  ]
  const url = await serve(t, (_, response) => answer(response, 200, { networkId: 'local', files }))
  const { code, stdout } = await mesh(['file', 'list', '--url', url])
  t.equal(code, 0)
  t.match(stdout, /^x +3 +shown +5 B +2026-01-01 00:00:00$/m)
  t.match(stdout, /^certs\/x+… +3 +missing, conflict +5 B/m)
  t.match(stdout, /^gone +3 +deleted +deleted/m)
  t.match(stdout, /^new +- +none +- +-$/m)
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
  const uncut = await mesh(['file', 'list', '--url', url], { env: { COLUMNS: '' } })
  t.match(uncut.stdout, /x{90}/, 'a program gets all of a name')
  const json = await mesh(['file', 'list', '--url', url, '--json'])
  t.same(JSON.parse(json.stdout), { schema: 'mesh-files/1', networkId: 'local', files })
})

t.test('shows one file', async (t) => {
  const current = { ...version, signers: [signer], expires: '2999-01-01T00:00:00.000Z' }
  const body = { networkId: 'local', files: [{ ...file, current, conflict: true }] }
  const url = await serve(t, (request, response) => {
    t.equal(request.url, '/files?name=x')
    answer(response, 200, body)
  })
  const { code, stdout, stderr } = await mesh(['file', 'status', 'x', '--url', url])
  t.equal(code, 0)
  t.match(stdout, /^name +x\nstate +shown\nsize +5 B\nversion +3\nid +a{64}\nsha256 +b{64}$/m)
  t.match(stdout, /^expires +2999-01-01T00:00:00\.000Z \(in /m)
  t.ok(stdout.includes(`\nsigned by\n${signer}\n`))
  t.match(stderr, /two statements of this version/)
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
  const json = await mesh(['file', 'status', 'x', '--url', url, '--json'])
  t.same(JSON.parse(json.stdout), { schema: 'mesh-file/1', ...body.files[0] })
})

t.test('shows a file that nobody published, and refuses one that is not configured', async (t) => {
  const files = [{ ...file, state: 'none', current: null, shownAt: null }]
  const url = await serve(t, (_, response) => answer(response, 200, { networkId: 'local', files }))
  t.match(await mesh(['file', 'status', 'x', '--url', url]), { stdout: 'name   x\nstate  none\n' })
  t.match(await mesh(['file', 'status', 'y', '--url', url]), { code: 3 })
  t.match(await mesh(['file', 'status', '../y', '--url', url]), { code: 2 })
})

t.test('shows the history in 80 columns, the winner first', async (t) => {
  const signers = [signer, publicText(2), publicText(3)]
  const versions = [
    {
      ...version,
      version: 4,
      content: null,
      signers,
      wins: true,
      conflict: true,
      contentHere: false,
    },
    { ...version, wins: false, conflict: false, contentHere: true },
  ]
  const url = await serve(t, ({ url }, response) => {
    t.equal(url, '/history/x')
    answer(response, 200, { name: 'x', versions })
  })
  const { stdout } = await mesh(['file', 'history', 'x', '--url', url])
  t.match(stdout, /^\*! +4 +2026-01-01 00:00:00 +deleted +- +a{12} +/m)
  t.match(stdout, /^ +3 +2026-01-01 00:00:00 +5 B +here +a{12}/m)
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
  const json = await mesh(['file', 'history', 'x', '--url', url, '--json'])
  t.same(JSON.parse(json.stdout), { schema: 'mesh-history/1', name: 'x', versions })
})
