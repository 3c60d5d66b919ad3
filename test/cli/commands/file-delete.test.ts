import { join } from 'node:path'
import t from 'tap'
import { startFakeDaemon } from '../fake-daemon.ts'
import { mesh, writeKey } from '../harness.ts'

t.test('publishes a tombstone, once', async (t) => {
  const daemon = await startFakeDaemon(t, ['x'])
  const directory = t.testdir({ x: 'hello' })
  const at = ['--url', daemon.url, '--key', writeKey(directory, 1)]
  const remove = (...args: string[]) => mesh(['file', 'delete', 'x', ...at, ...args])
  t.match(await remove(), { code: 3, stderr: /nothing was published as x yet/ })
  await mesh(['file', 'update', join(directory, 'x'), ...at])
  t.same(await remove(), {
    code: 0,
    stdout: `x deleted by version 2 at ${daemon.url}\n`,
    stderr: '',
  })
  const [first, second] = daemon.held.get('x') ?? []
  t.match(second?.signed.statement, {
    content: 'deleted',
    expires: 'never',
    version: 2,
    replaces: first?.signed.id,
  })
  t.equal(daemon.requests.at(-1), 'DELETE /files/x')
  t.match(await remove(), { code: 0, stdout: 'x is deleted already, by version 2\n' })
  t.match(JSON.parse((await remove('--json')).stdout), {
    schema: 'mesh-file-delete/1',
    name: 'x',
    version: 2,
    outcome: 'known',
  })
  t.match(await remove('--version', '9', '--json'), {
    code: 0,
    stdout: /"version": 9/,
    stderr: /behind/,
  })
})
