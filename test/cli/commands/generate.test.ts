import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  parsePsk,
  parsePublicKey,
  peerIdFromPublicKey,
  readPrivateKey,
} from '../../../src/keys/index.ts'
import { parseNetworkId } from '../../../src/statement/index.ts'
import { mesh } from '../harness.ts'

const mode = (path: string): number => statSync(path).mode & 0o777

t.test('makes keys that ssh-keygen reads, private ones for their owner only', async (t) => {
  for (const [kind, name, use] of [
    ['identity-key', 'identity.key', /^peer id +12D3KooW\w+$/m],
    ['signing-key', 'signing.key', /^\[files\] +"NAME" = \["ssh-ed25519 \S+ me"\]$/m],
    ['network-key', 'network.key', /^\[network\] +keys = \["ssh-ed25519 \S+ me"\]$/m],
  ] as const) {
    const cwd = t.testdir({})
    const path = join(cwd, name)
    const { code, stdout } = await mesh(['generate', kind, '--comment', 'me'], { cwd })
    t.equal(code, 0)
    t.match(stdout, use)
    t.equal(mode(path), 0o600)
    t.equal(mode(`${path}.pub`), 0o644)
    const line = readFileSync(`${path}.pub`, 'utf8')
    const derived = execFileSync('ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' })
    t.equal(derived.split(' ')[1], line.split(' ')[1])
    t.notMatch(stdout, /PRIVATE/)
  }
})

t.test('replaces a key only when told to', async (t) => {
  const path = join(t.testdir({}), 'k')
  const generate = (...args: string[]) => mesh(['generate', 'signing-key', '-o', path, ...args])
  await generate()
  const before = readFileSync(path, 'utf8')
  t.match(await generate(), { code: 2, stdout: '', stderr: /--force replaces it/ })
  t.equal(readFileSync(path, 'utf8'), before)
  t.match(await generate('--force'), { code: 0 })
  t.not(readFileSync(path, 'utf8'), before)
})

t.test('writes PEM, with a passphrase, and JSON about it', async (t) => {
  const directory = t.testdir({})
  const path = join(directory, 'k')
  const secret = join(directory, 'passphrase')
  writeFileSync(secret, 'correct horse\n', { mode: 0o600 })
  const args = ['generate', 'identity-key', '--output', path, '--json', '--format', 'pem']
  const { stdout } = await mesh([...args, '--passphrase-file', secret])
  const { publicKey } = readPrivateKey(readFileSync(path, 'utf8'), { passphrase: 'correct horse' })
  t.throws(() => readPrivateKey(readFileSync(path, 'utf8')), { code: 'ERR_KEY_PASSPHRASE' })
  const body = JSON.parse(stdout)
  t.match(body, {
    schema: 'mesh-generated-key/1',
    kind: 'identity-key',
    path,
    peerId: peerIdFromPublicKey(publicKey),
  })
  t.equal(parsePublicKey(body.publicKey), publicKey)
  const peerId = await mesh(['peer', 'id', '--key', path], {
    env: { MESH_PASSPHRASE_FILE: secret },
  })
  t.same(peerId, { code: 0, stdout: `${body.peerId}\n`, stderr: '' })
})

t.test('puts no private key on standard output', async (t) => {
  t.match(await mesh(['generate', 'signing-key', '-o', '-']), { code: 2, stdout: '' })
})

t.test('makes network ids', async (t) => {
  const [one, two] = await Promise.all([
    mesh(['generate', 'network']),
    mesh(['generate', 'network']),
  ])
  t.equal(`${parseNetworkId(one.stdout.trim())}\n`, one.stdout)
  t.not(one.stdout, two.stdout)
})

t.test('makes pre-shared keys', async (t) => {
  const cwd = t.testdir({})
  const made = await mesh(['generate', 'psk'], { cwd })
  t.equal(made.code, 0)
  t.match(made.stdout, /^pre-shared key +network\.psk \(keep it secret\)$/m)
  t.match(made.stdout, /^\[network\] +psk = "\/etc\/mesh\/network\.psk"$/m)
  t.match(made.stdout, /^next +copy it to every machine .* restart every daemon/m)
  t.match(made.stdout, /^to change one +three rounds .*\["OLD", "NEW"\], then \["NEW", "OLD"\]/m)
  const path = join(cwd, 'network.psk')
  const psk = readFileSync(path, 'utf8')
  t.equal(parsePsk(psk).length, 32)
  t.equal(mode(path), 0o600)
  t.match(await mesh(['generate', 'psk'], { cwd }), { code: 2 })
  const { stdout } = await mesh(['generate', 'psk', '-o', '-'])
  t.equal(parsePsk(stdout).length, 32)
})
