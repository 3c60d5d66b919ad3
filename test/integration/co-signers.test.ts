/** Two of three sign a file, each on a machine of its own; what travels between them is a `.stmt` file. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { formatPublicKey, generatePrivateKey, writePrivateKey } from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { skip as noAgent, startAgent } from '../keys/ssh-agent.ts'
import { run, startCluster, until } from './cluster.ts'
import type { ClusterNode } from './cluster.ts'

const work = mkdtempSync(join(tmpdir(), 'mesh-'))
const main = join(import.meta.dirname, '../../src/cli/main.ts')

type Person = 'alice' | 'bob' | 'carol' | 'mallory'

/** A person's machine: a directory with nothing in it but the person's own key. */
const begin = (person: Person): string => {
  mkdirSync(join(work, person))
  const key = generatePrivateKey(systemRandom)
  const text = writePrivateKey(key, { format: 'openssh', comment: person })
  writeFileSync(join(work, person, 'my.key'), text, { mode: 0o600 })
  return formatPublicKey(key.publicKey, 'openssh')
}
const keys = {
  ...{ alice: begin('alice'), bob: begin('bob'), carol: begin('carol') },
  mallory: begin('mallory'),
}
const signers = `["${keys.alice}", "${keys.bob}", "${keys.carol}"]`
const cluster = await startCluster({
  filesOf: () => [`"motd" = { signers = ${signers}, threshold = 2 }`],
})
t.teardown(async () => {
  await cluster.stop()
  rmSync(work, { recursive: true, force: true })
})
const { nodes, networkId } = cluster
const [first, second, third] = nodes

/** Runs a command on somebody's machine, which reaches no daemon unless one is named. */
const on = (person: Person, args: readonly string[], node?: ClusterNode, env = {}) =>
  run(
    process.execPath,
    [
      ...['--no-warnings', main, ...args],
      ...(node === undefined ? [] : ['--socket', node.socketPath]),
    ],
    { cwd: join(work, person), env: { ...process.env, MESH_URL: 'http://127.0.0.1:1', ...env } },
  )

/** Sends files from one machine to the other. */
const send = (from: Person, to: Person, ...files: readonly string[]): void => {
  for (const file of files) copyFileSync(join(work, from, file), join(work, to, file))
}

const shows = (text: string | undefined) =>
  Promise.all(
    nodes.map((node) =>
      until(`motd to be ${text} at ${node.name}`, () => node.read('motd') === text),
    ),
  )

t.test('one makes the statement, one adds a signature, a third uploads it', async (t) => {
  writeFileSync(join(work, 'alice', 'motd'), 'hello\n')
  const version = ['--network', networkId, '--version', '1']
  const made = await on('alice', ['file', 'sign', 'motd', ...version, '--key', 'my.key'])
  t.match(made, { code: 0, out: /^motd\.stmt: motd version 1, .*, 1 signature\n$/ }, made.err)

  send('alice', 'bob', 'motd', 'motd.stmt')
  const checked = await on('bob', ['file', 'verify', 'motd', '--signer', keys.alice])
  t.match(checked, { code: 0 }, checked.err)
  const added = await on('bob', ['file', 'sign', 'motd.stmt', '--key', 'my.key'])
  t.match(added, { code: 0, out: /2 signatures/ }, added.err)

  send('bob', 'carol', 'motd', 'motd.stmt')
  send('alice', 'carol', 'motd')
  const upload = ['file', 'update', 'motd', '--statement', 'motd.stmt']
  const stored = await on('carol', upload, second)
  t.match(stored, { code: 0, out: /motd version 1 stored at/ }, stored.err)
  await shows('hello\n')
})

t.test('what has too few signatures is refused, with what to do', async (t) => {
  writeFileSync(join(work, 'alice', 'motd'), 'alone\n')
  const alone = await on('alice', ['file', 'update', 'motd', '--key', 'my.key'], first)
  t.equal(alone.code, 4)
  t.match(alone.err, /it has 1 of the 2 signatures.*mesh file sign.*\(ERR_FILE_THRESHOLD\)/s)
  send('alice', 'mallory', 'motd')
  const args = ['--statement-only', '--key', 'my.key', '--force']
  const made = await on('alice', ['file', 'update', 'motd', ...args], first)
  t.equal(made.code, 0, made.err)
  send('alice', 'mallory', 'motd.stmt')
  await on('mallory', ['file', 'sign', 'motd.stmt', '--key', 'my.key'])
  const stranger = ['file', 'update', 'motd', '--statement', 'motd.stmt']
  const refused = await on('mallory', stranger, first)
  t.match(refused, { code: 4, err: /it has 1 of the 2 signatures/ }, 'a stranger does not count')
  await shows('hello\n')
})

t.test('a statement that was changed on the way is nothing to sign', async (t) => {
  const path = join(work, 'bob', 'motd.stmt')
  const before = readFileSync(join(work, 'alice', 'motd.stmt'), 'utf8')
  writeFileSync(path, before.replace(/^version \d+$/m, 'version 9'))
  const sign = ['file', 'sign', 'motd.stmt', '--key', 'my.key']
  t.match(await on('bob', sign), {
    code: 6,
    err: /the signature by ssh-ed25519 \S+ is wrong: the statement was changed after signing/,
  })
  t.match(readFileSync(path, 'utf8'), /^version 9$/m, 'and it is left as it was')
  writeFileSync(join(work, 'bob', 'motd'), 'something else\n')
  send('alice', 'bob', 'motd.stmt')
  const verify = await on('bob', ['file', 'verify', 'motd', '--signer', keys.alice])
  t.match(verify, { code: 6 }, 'nor is one of other content taken for good')
})

t.test('two pieces of a threshold come together at different nodes', async (t) => {
  for (const person of ['bob', 'carol'] as const) {
    send('alice', person, 'motd', 'motd.stmt')
    const { code, err } = await on(person, ['file', 'sign', 'motd.stmt', '--key', 'my.key'])
    t.equal(code, 0, err)
  }
  const upload = ['file', 'update', 'motd', '--statement', 'motd.stmt']
  const stored = await Promise.all([on('bob', upload, first), on('carol', upload, third)])
  t.same(
    stored.map(({ code }) => code),
    [0, 0],
    stored.map(({ err }) => err).join(''),
  )
  await shows('alone\n')
  for (const node of nodes) {
    await until(`three signatures at ${node.name}`, async () => {
      const { out } = await on('alice', ['file', 'status', 'motd', '--json'], node)
      return JSON.parse(out).current?.signers.length === 3
    })
  }
})

t.test('a deletion is signed by two in the same way', { skip: noAgent }, async (t) => {
  const agent = await startAgent(t)
  t.equal(agent.add([join(work, 'bob', 'my.key')]).code, 0)
  const made = await on(
    'alice',
    ['file', 'delete', 'motd', '--statement-only', '--key', 'my.key', '--force'],
    first,
  )
  t.equal(made.code, 0, made.err)
  send('alice', 'bob', 'motd.stmt')
  const env = { SSH_AUTH_SOCK: agent.path }
  const signed = await on('bob', ['file', 'sign', 'motd.stmt', '--agent'], undefined, env)
  t.match(signed, { code: 0, out: /deletion of motd, version 3, 2 signatures/ }, signed.err)
  const gone = await on('bob', ['file', 'delete', 'motd', '--statement', 'motd.stmt'], third)
  t.equal(gone.code, 0, gone.err)
  await shows(undefined)
})
