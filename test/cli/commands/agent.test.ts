/** `--agent`: keys that stay in ssh-agent, named as ssh names them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseCertificate, peerIdFromPublicKey, writePrivateKey } from '../../../src/keys/index.ts'
import { parseStatementFile, verifyEntry } from '../../../src/statement/index.ts'
import { flattenCommands } from '../../../src/cli/described.ts'
import { describeProgram } from '../../../src/cli/whole.ts'
import { imitateAgent, skip, startAgent } from '../../keys/ssh-agent.ts'
import { startFakeDaemon } from '../fake-daemon.ts'
import { keyOf, mesh, publicText } from '../harness.ts'
import type { Test } from 'tap'

/** An agent that holds the keys 1 and 2, which are in no file; the public ones are. */
const begin = async (t: Test) => {
  const directory = t.testdir({ motd: 'hello\n' })
  const agent = await startAgent(t)
  for (const byte of [1, 2]) {
    const path = join(directory, `${byte}.key`)
    const text = writePrivateKey(keyOf(byte), { format: 'openssh', comment: `key ${byte}` })
    writeFileSync(path, text, { mode: 0o600 })
    t.equal(agent.add([path]).code, 0)
    writeFileSync(path, '')
    writeFileSync(`${path}.pub`, `${publicText(byte)} key ${byte}\n`)
  }
  const env = { SSH_AUTH_SOCK: agent.path }
  const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    mesh(args, { cwd: directory, env: { ...env, ...more } })
  const offline = ['--network', 'local', '--version', '1', '--agent', '--force']
  const sign = (...args: string[]) => run(['file', 'sign', 'motd', ...offline, ...args])
  const signers = () => {
    const signed = parseStatementFile(readFileSync(join(directory, 'motd.stmt'), 'utf8'))
    t.ok(signed.signatures.every((entry) => verifyEntry(signed, entry)))
    return signed.signatures.map(({ key }) => key)
  }
  return { directory, agent, run, sign, signers }
}

t.test('every command that signs can do so with an agent', async (t) => {
  const commands = flattenCommands(await describeProgram())
  const signing = commands.filter(({ options }) =>
    options.some(({ names }) => names.includes('--passphrase-file')),
  )
  const withAgent = commands.filter(({ options }) =>
    options.some(({ names }) => names.includes('--agent')),
  )
  const names = (list: typeof commands) => list.map(({ path }) => path.slice(1).join(' '))
  // These read or make the key itself.
  const own = ['generate identity-key', 'generate signing-key', 'generate network-key', 'peer id']
  t.same(
    names(withAgent),
    names(signing).filter((name) => !own.includes(name)),
  )
  for (const name of ['file update', 'file delete', 'file sign', 'file resign', 'file restore']) {
    t.ok(names(withAgent).includes(name), name)
  }
  for (const name of ['certificate sign', 'certificate renew', 'certificate revoke']) {
    t.ok(names(withAgent).includes(name), name)
  }
  t.ok(names(withAgent).includes('network heartbeat'))
})

t.test(
  'a key is named by fingerprint, comment, public key, or the file of one',
  { skip },
  async (t) => {
    const { agent, sign, signers } = await begin(t)
    const listed = agent.add(['-l']).output
    const fingerprint = /SHA256:\S+(?= key 2)/.exec(listed)?.[0] ?? ''
    const { publicKey } = keyOf(2)
    for (const given of [fingerprint, 'key 2', publicText(2), '2.key.pub', '2.key']) {
      t.match(await sign('--key', given), { code: 0, stderr: '' }, given)
      t.same(signers(), [publicKey], given)
    }
    t.match(await sign('--key', 'key 1', '--key', '2.key'), { code: 0, stdout: /2 signatures/ })
    t.same(signers().length, 2)
  },
)

t.test('says which keys there are when none or several are meant', { skip }, async (t) => {
  const { directory, agent, sign, signers } = await begin(t)
  const several = /holds several keys; name one with --key: SHA256:\S+ \(key 1\), SHA256:\S+ \(/
  t.match(await sign(), { code: 8, stdout: '', stderr: several })
  t.match(await sign('--key', 'key 3'), {
    code: 8,
    stderr: /no key in ssh-agent is "key 3"; it has SHA256:/,
  })
  t.equal(agent.add(['-d', join(directory, '1.key.pub')]).code, 0)
  t.match(await sign(), { code: 0 }, 'the only one need not be named')
  t.same(signers(), [keyOf(2).publicKey])
  agent.add(['-D'])
  t.match(await sign(), { code: 8, stderr: /shows no key: it holds none .* or it is locked/ })
})

t.test('says what is wrong with the agent', { skip }, async (t) => {
  const { agent, run, sign } = await begin(t)
  const args = ['file', 'sign', 'motd', '--network', 'local', '--version', '1', '--agent']
  t.match(await run(args, { SSH_AUTH_SOCK: '' }), {
    code: 8,
    stderr: /SSH_AUTH_SOCK is not set: .*\(ERR_AGENT_UNREACHABLE\)/,
  })
  await agent.stop()
  t.match(await sign(), { code: 8, stderr: /the ssh-agent at \/\S+ cannot be talked to/ })
  const garbage = await imitateAgent(t, (_, socket) => socket.write('nonsense'))
  t.match(await run(args, { SSH_AUTH_SOCK: garbage }), {
    code: 8,
    stderr: /does not answer like one: .*SSH_AUTH_SOCK/,
  })
})

t.test('an agent that hangs is left by Ctrl-C', async (t) => {
  const directory = t.testdir({ motd: '' })
  let kill = (_: NodeJS.Signals): void => {}
  const path = await imitateAgent(t, () => kill('SIGINT'))
  const { code, stderr } = await mesh(
    ['file', 'sign', 'motd', '--network', 'local', '--version', '1', '--agent'],
    { cwd: directory, env: { SSH_AUTH_SOCK: path }, onStart: (given) => (kill = given) },
  )
  t.equal(code, 130)
  t.match(stderr, /interrupted/)
})

t.test('files and certificates signed by an agent are as good as any', { skip }, async (t) => {
  const { directory, run } = await begin(t)
  const daemon = await startFakeDaemon(t, ['motd'])
  const at = ['--url', daemon.url, '--agent', '--key', 'key 1']
  t.match(await run(['file', 'update', 'motd', ...at]), { code: 0, stdout: /version 1 stored/ })
  t.match(await run(['file', 'delete', 'motd', ...at]), { code: 0, stdout: /by version 2/ })
  const peer = peerIdFromPublicKey(keyOf(9).publicKey)
  const certificate = ['certificate', 'sign', '--network', 'local', '--name', 'alpha']
  const { code, stderr } = await run([
    ...[...certificate, '--key', peer, '--expires', '9d', '--agent', '--network-key', '2.key.pub'],
  ])
  t.equal(code, 0, stderr)
  const { signature } = parseCertificate(readFileSync(join(directory, 'alpha.cert'), 'utf8'))
  t.equal(signature.key, keyOf(2).publicKey)
})
