import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseStatementFile } from '../../../src/statement/index.ts'
import { problem } from '../../client/fixtures.ts'
import { startFakeDaemon } from '../fake-daemon.ts'
import { keyOf, mesh, writeKey } from '../harness.ts'
import type { Test } from 'tap'
import type { FakeDaemon } from '../fake-daemon.ts'

const begin = async (t: Test) => {
  const daemon = await startFakeDaemon(t, ['app.conf', 'etc/x'])
  const directory = t.testdir({ 'app.conf': 'one\n' })
  const path = join(directory, 'app.conf')
  const key = writeKey(directory, 1)
  const update = (...args: string[]) =>
    mesh(['file', 'update', path, '--url', daemon.url, '--key', key, ...args])
  return { daemon, directory, path, key, update }
}

const last = (daemon: FakeDaemon, name = 'app.conf') => daemon.held.get(name)?.at(-1)

t.test('signs, uploads and says what happened', async (t) => {
  const { daemon, update } = await begin(t)
  const { code, stdout, stderr } = await update()
  const sha256 = '2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806'
  t.equal(stderr, '')
  t.equal(code, 0)
  t.equal(stdout, `app.conf version 1 stored at ${daemon.url}, 4 B, sha256 ${sha256}\n`)
  const { signed, content } = last(daemon) ?? {}
  t.equal(String(content), 'one\n')
  t.match(signed, {
    statement: {
      network: 'local',
      name: 'app.conf',
      version: 1,
      replaces: 'none',
      expires: 'never',
    },
    signatures: [{ key: keyOf(1).publicKey }],
  })
  t.same(daemon.requests, ['GET /files?name=app.conf', 'PUT /files/app.conf'])
})

t.test('follows the version that the daemon has', async (t) => {
  const { daemon, update, path } = await begin(t)
  await update()
  const first = last(daemon)?.signed.id
  writeFileSync(path, 'two\n')
  t.match(await update(), { code: 0, stdout: /version 2 stored/ })
  t.match(last(daemon)?.signed.statement, { version: 2, replaces: first })
})

t.test('prints JSON', async (t) => {
  const { daemon, update } = await begin(t)
  const { stdout } = await update('--json')
  t.match(JSON.parse(stdout), {
    schema: 'mesh-file-update/1',
    name: 'app.conf',
    version: 1,
    outcome: 'stored',
    sizeBytes: 4,
    address: daemon.url,
  })
})

t.test('takes standard input, a name with a path, an end and several keys', async (t) => {
  const { daemon, directory } = await begin(t)
  const keys = [writeKey(directory, 1), writeKey(directory, 2)]
  const args = ['file', 'update', '-', '--name', 'etc/x', '--expires', '30d', '--url', daemon.url]
  const outcome = await mesh([...args, '-k', keys[0] ?? '', '--key-path', keys[1] ?? ''], {
    input: 'from a pipe',
  })
  t.match(outcome, { code: 0, stdout: /etc\/x version 1 stored/ })
  const held = last(daemon, 'etc/x')
  t.equal(String(held?.content), 'from a pipe')
  t.equal(held?.signed.signatures.length, 2)
  const { time, expires } = held?.signed.statement ?? {}
  t.equal(Number(expires) - Number(time), 30 * 86_400_000)
})

t.test('a name that breaks the rules is refused before anybody is asked', async (t) => {
  const { daemon, update, path, key } = await begin(t)
  for (const name of ['../x', '/x', 'a b', '_mesh/x', '']) {
    const { code, stderr } = await update('--name', name)
    t.equal(code, 2, name)
    t.match(stderr, /ERR_FILE_NAME_INVALID/)
  }
  const noName = await mesh(['file', 'update', '-', '--key', key, '--url', daemon.url])
  t.match(noName, { code: 2, stderr: /give one with --name/ })
  t.match(await mesh(['file', 'update', path, '--url', daemon.url]), { code: 2, stderr: /--key/ })
  t.same(daemon.requests, [])
})

t.test('asks over the wire whether the daemon is configured, and exits 3 if not', async (t) => {
  const { update } = await begin(t)
  t.match(await update('--name', 'other'), { code: 3, stderr: /ERR_FILE_NOT_CONFIGURED/ })
})

t.test('warns when the daemon is ahead, and exits 4 at its refusal', async (t) => {
  const { update, path } = await begin(t)
  await update('--version', '5')
  writeFileSync(path, 'other')
  const { code, stderr } = await update('--version', '4')
  t.equal(code, 4)
  t.match(stderr, /the daemon is ahead: it has version 5 of app\.conf already/)
  t.match(stderr, /ERR_FILE_NOT_NEWER/)
})

t.test('warns when the daemon is behind', async (t) => {
  const { update } = await begin(t)
  t.match(await update('--version', '5'), {
    code: 0,
    stderr: /the daemon is behind: it has no version of app\.conf yet/,
  })
  t.match(await update('--version', '7'), { stderr: /it has only version 5 of app\.conf yet/ })
})

t.test('asks for a jump of versions with --force', async (t) => {
  const { daemon, update } = await begin(t)
  await update('--version', '5000', '--force')
  t.equal(daemon.requests.at(-1), 'PUT /files/app.conf?force=true')
})

t.test('refuses to sign for another network than the daemon is in', async (t) => {
  const { daemon, update } = await begin(t)
  t.match(await update('--network', 'other'), {
    code: 4,
    stderr: /in the network local, not other/,
  })
  t.match(await update('--network', 'No!'), { code: 2, stderr: /ERR_NETWORK_ID_INVALID/ })
  t.same(last(daemon), undefined)
})

t.test('tries again while no daemon answers', async (t) => {
  const { daemon, update } = await begin(t)
  let failures = 2
  daemon.before = (request) => {
    if (request.method !== 'PUT' || failures-- <= 0) return false
    request.socket.destroy()
    return true
  }
  const { code, stdout, stderr } = await update()
  t.equal(code, 0)
  t.match(stdout, /version 1 stored/)
  t.equal(stderr.match(/the connection broke off; trying again/g)?.length, 2)
})

t.test('exits 5 when nobody answers at all', async (t) => {
  const { path, key } = await begin(t)
  const args = ['file', 'update', path, '--key', key, '--socket', '/nonexistent/mesh.sock']
  const { code, stderr } = await mesh(args)
  t.equal(code, 5)
  t.match(stderr, /there is no such socket; is the daemon running\?/)
  t.notMatch(stderr, /at .*\.ts:/, 'no stack')
})

t.test("shows the daemon's own refusal", async (t) => {
  const { daemon, update } = await begin(t)
  daemon.before = (request, response) => {
    if (request.method !== 'PUT') return false
    problem(response, 403, 'ERR_FILE_SIGNER_NOT_ALLOWED')
    return true
  }
  t.match(await update(), { code: 4, stderr: /^mesh: ERR_FILE_SIGNER_NOT_ALLOWED happened/ })
  const { code, stderr } = await update('--json')
  t.equal(code, 4)
  t.match(JSON.parse(stderr), {
    schema: 'mesh-error/1',
    code: 'ERR_FILE_SIGNER_NOT_ALLOWED',
    exitCode: 4,
  })
})

t.test('publishes nothing of a file that changes meanwhile', async (t) => {
  const { daemon, update, path } = await begin(t)
  writeFileSync(path, Buffer.alloc(300_000, 'x'))
  daemon.before = (request) => {
    if (request.method === 'GET') appendFileSync(path, 'more')
    return false
  }
  const { code, stderr } = await update()
  t.equal(code, 1)
  t.match(stderr, /app\.conf changed while it was being read; nothing was published/)
  t.equal(last(daemon), undefined)
})

t.test('names what cannot be read', async (t) => {
  const { directory, key, daemon } = await begin(t)
  for (const [path, why] of [
    [join(directory, 'none'), /there is no such file/],
    [directory, /not a file/],
  ] as const) {
    const outcome = await mesh(['file', 'update', path, '--key', key, '--url', daemon.url])
    t.match(outcome, { code: 2, stderr: why })
  }
})

t.test('needs --version where the daemon does not tell its own', async (t) => {
  const { daemon, update } = await begin(t)
  daemon.before = ({ method, url }, response) => {
    if (method !== 'GET') return false
    if (url === '/status') {
      response.end(JSON.stringify({ version: '1', networkId: 'local', peerId: 'p' }))
    } else problem(response, 403, 'ERR_REQUEST_FORBIDDEN')
    return true
  }
  t.match(await update(), { code: 2, stderr: /name the version with --version/ })
  t.match(await update('--version', '3'), { code: 0, stdout: /version 3 stored/, stderr: '' })
})

t.test('keeps the statement, or makes nothing else', async (t) => {
  const { daemon, update, directory, path } = await begin(t)
  const kept = join(directory, 'kept.stmt')
  t.match(await update('--statement-out', kept), { code: 0 })
  t.equal(parseStatementFile(readFileSync(kept, 'utf8')).id, last(daemon)?.signed.id)
  t.match(await update('-o', kept), { code: 2, stderr: /is there already; --force replaces it/ })
  t.match(await update('--statement-only'), {
    code: 0,
    stdout: /version 2 is signed in .*\.stmt; nothing was uploaded/,
  })
  const made = parseStatementFile(readFileSync(`${path}.stmt`, 'utf8'))
  t.equal(made.statement.version, 2)
  t.equal(daemon.held.get('app.conf')?.length, 1)
})

t.test('uploads with a statement that others have signed', async (t) => {
  const { daemon, update, path } = await begin(t)
  await update('--statement-only')
  const args = ['file', 'update', path, '--url', daemon.url, '--statement', `${path}.stmt`]
  t.match(await mesh(args), { code: 0, stdout: /version 1 stored/ })
  t.match(await mesh(args), { code: 0, stdout: /version 1 was already held by/ })
  t.match(await mesh([...args, '--name', 'other']), { code: 2, stderr: /is about app\.conf/ })
  writeFileSync(path, 'changed')
  t.match(await mesh(args), { code: 6, stderr: /is not about the content of/ })
})

t.test('reads passphrases from a file, and says when there is none', async (t) => {
  const { daemon, directory, path } = await begin(t)
  const key = writeKey(directory, 9, 'horse')
  const args = ['file', 'update', path, '--url', daemon.url, '--key', key]
  t.match(await mesh(args), { code: 8, stderr: /9\.key: .*passphrase.*--passphrase-file/ })
  const secret = join(directory, 'passphrase')
  writeFileSync(secret, 'horse\n', { mode: 0o600 })
  t.match(await mesh(args, { env: { MESH_PASSPHRASE_FILE: secret } }), { code: 0 })
  writeFileSync(secret, 'donkey\n')
  const wrong = await mesh([...args, '--passphrase-file', secret])
  t.match(wrong, { code: 8, stderr: /ERR_KEY_PASSPHRASE/ })
  t.notMatch(wrong.stderr, /donkey/)
})

t.test('refuses a key that everybody may read', async (t) => {
  const { daemon, directory, path } = await begin(t)
  const key = join(directory, 'open.key')
  writeFileSync(key, readFileSync(writeKey(directory, 1)), { mode: 0o644 })
  const outcome = await mesh(['file', 'update', path, '--url', daemon.url, '--key', key])
  t.match(outcome, { code: 8, stderr: /chmod 600/ })
})

t.test('Ctrl-C ends it with 130', async (t) => {
  const { daemon, path, key } = await begin(t)
  const reached = Promise.withResolvers<void>()
  daemon.before = () => {
    reached.resolve()
    return true
  }
  const outcome = await mesh(['file', 'update', path, '--url', daemon.url, '--key', key], {
    onStart: (kill) => void reached.promise.then(() => kill('SIGINT')),
  })
  t.match(outcome, { code: 130, stderr: /ERR_ABORTED/ })
})
