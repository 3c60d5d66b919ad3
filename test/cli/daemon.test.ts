import t from 'tap'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { daemonAddress, readToken } from '../../src/cli/daemon.ts'
import { answer, serve } from '../client/fixtures.ts'
import { mesh } from './harness.ts'

const nothing = (): boolean => false

t.test(
  'looks for the daemon where it was told, then in the environment, then in its usual places',
  async (t) => {
    const env = { MESH_URL: 'http://env', MESH_SOCKET: '/env.sock' }
    t.same(daemonAddress({ url: 'http://a' }, env), { url: 'http://a' })
    t.same(daemonAddress({ socket: '/a.sock' }, env), { socketPath: '/a.sock' })
    t.same(daemonAddress({}, env), { url: 'http://env' })
    t.same(daemonAddress({}, { MESH_URL: '', MESH_SOCKET: '/env.sock' }), {
      socketPath: '/env.sock',
    })
    t.same(
      daemonAddress({}, {}, (path) => path === '/run/mesh/mesh.sock'),
      {
        socketPath: '/run/mesh/mesh.sock',
      },
    )
    t.same(
      daemonAddress({}, {}, (path) => path === '/var/lib/mesh/mesh.sock'),
      { socketPath: '/var/lib/mesh/mesh.sock' },
    )
    t.same(daemonAddress({}, {}, nothing), { url: 'http://127.0.0.1:7331' })
    t.throws(() => daemonAddress({ url: '' }, env), { code: 'ERR_USAGE' })
  },
)

t.test('shows a token from a file that nobody else can read', async (t) => {
  const path = join(t.testdir(), 'token')
  writeFileSync(path, `# of alice\n\n  ${'x'.repeat(32)}  \nsecond\n`, { mode: 0o600 })
  t.equal(readToken(path), 'x'.repeat(32))
  const seen: (string | undefined)[] = []
  const url = await serve(t, (request, response) => {
    seen.push(request.headers.authorization)
    answer(response, 200, { peers: [] })
  })
  t.match(await mesh(['peers', '--url', url, '--token-file', path]), { code: 0 })
  t.match(await mesh(['peers', '--url', url], { env: { MESH_TOKEN_FILE: path } }), { code: 0 })
  t.match(await mesh(['peers', '--url', url]), { code: 0 })
  t.same(seen, [`Bearer ${'x'.repeat(32)}`, `Bearer ${'x'.repeat(32)}`, undefined])
  t.throws(() => readToken(join(path, 'none')), { code: 'ERR_KEY_UNREADABLE' })
  chmodSync(path, 0o644)
  t.throws(() => readToken(path), { code: 'ERR_KEY_INSECURE' })
  chmodSync(path, 0o600)
  for (const text of ['', '# none\n', 'a b\n', 'x'.repeat(300)]) {
    writeFileSync(path, text)
    t.throws(() => readToken(path), { code: 'ERR_TOKEN_MALFORMED' })
  }
})
