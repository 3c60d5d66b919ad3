import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { answer, serve, status } from '../../client/fixtures.ts'
import { shortDirectory } from '../../support/short-directory.ts'
import { mesh } from '../harness.ts'
import type { Test } from 'tap'

/** A daemon on a unix socket that listens on these addresses over TCP. */
const daemon = async (t: Test, urls: readonly string[]): Promise<string> => {
  const path = join(shortDirectory(t), 'mesh.sock')
  const server = createServer((_, response) => answer(response, 200, { ...status, urls }))
  await once(server.listen(path), 'listening')
  t.teardown(() => server.close())
  return path
}

t.test(
  'asks the daemon where it listens, and prints one that a browser here reaches',
  async (t) => {
    for (const [urls, expected] of [
      [['http://192.0.2.1:7331', 'http://127.0.0.1:7331'], 'http://127.0.0.1:7331/'],
      [['http://0.0.0.0:7331'], 'http://127.0.0.1:7331/'],
      [['http://[::]:81'], 'http://[::1]:81/'],
      [['http://192.0.2.1:7331'], 'http://192.0.2.1:7331/'],
    ] as const) {
      const { code, stdout, stderr } = await mesh(['dashboard', '--socket', await daemon(t, urls)])
      t.equal(code, 0, stderr)
      t.equal(stdout, `${expected}\n`)
      t.match(stderr, /http\.token_file/)
    }
  },
)

t.test('prints the address that it was given, once a daemon answers there', async (t) => {
  const short = { version: '1', networkId: 'local', peerId: 'p' }
  const url = await serve(t, (_, response) => answer(response, 200, short))
  t.equal(
    (await mesh(['dashboard', '--url', url])).stdout,
    `${url}/`.replace(/\/\/$/, '/').concat('\n'),
  )
  const { stdout } = await mesh(['dashboard', '--url', url, '--json'])
  t.match(JSON.parse(stdout), { schema: 'mesh-dashboard/1', url: /^http:/ })
})

t.test('says so where no browser can get', async (t) => {
  const { code, stderr } = await mesh(['dashboard', '--socket', await daemon(t, [])])
  t.equal(code, 2)
  t.match(stderr, /http\.listen/)
})

t.test('opens it with what the desktop has', async (t) => {
  const directory = shortDirectory(t)
  const program = join(directory, 'xdg-open')
  const seen = join(directory, 'seen')
  writeFileSync(program, `#!/bin/sh\necho "$1" > ${seen}.tmp; /bin/mv ${seen}.tmp ${seen}\n`)
  chmodSync(program, 0o755)
  const socket = await daemon(t, ['http://127.0.0.1:7331'])
  const path = { env: { PATH: directory } }
  t.equal((await mesh(['dashboard', '--socket', socket, '--open'], path)).code, 0)
  for (let text = ''; text === ''; ) {
    try {
      text = readFileSync(seen, 'utf8')
      t.equal(text, 'http://127.0.0.1:7331/\n')
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const none = await mesh(['dashboard', '--socket', socket, '--open'], {
    env: { PATH: '/nowhere' },
  })
  t.equal(none.code, 2)
  t.match(none.stderr, /xdg-open cannot be run.*open http/)
})
