/** Commands by which trust changes: what they publish, and what they refuse. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseCertificate, peerIdFromPublicKey, signCertificate } from '../../../src/keys/index.ts'
import { decodeCertificates, decodeHeartbeat, decodeRevocations } from '../../../src/trust/index.ts'
import { answer, certificates, preview, problem, status } from '../../client/fixtures.ts'
import { startFakeDaemon } from '../fake-daemon.ts'
import { keyOf, mesh, publicText, writeKey } from '../harness.ts'
import type { Test } from 'tap'
import type { Timestamp } from '../../../src/util/index.ts'

const DAY_MS = 86_400_000
const NAMES = ['_mesh/certificates', '_mesh/revoked', '_mesh/heartbeat'] as const
const nodes = { alpha: 11, beta: 12, gamma: 13 } as const
type Name = keyof typeof nodes
const peerOf = (name: Name) => peerIdFromPublicKey(keyOf(nodes[name]).publicKey)

const certify = (name: Name, expiresMs: number, by = 1) =>
  signCertificate(keyOf(by), {
    ...{ network: 'local', name, key: keyOf(nodes[name]).publicKey, namespaces: [] },
    issued: (Date.now() - 90 * DAY_MS) as Timestamp,
    expires: expiresMs as Timestamp,
  })

/** A daemon that is alpha, knows all three, and has the network's own files. */
const begin = async (
  t: Test,
  { names = NAMES, known }: { names?: readonly string[]; known?: string[] } = {},
) => {
  const directory = t.testdir({})
  const daemon = await startFakeDaemon(t, names)
  const texts = known ?? [
    await certify('alpha', Date.now() + 100 * DAY_MS),
    await certify('beta', Date.now() + 10 * DAY_MS),
    await certify('gamma', Date.now() + 100 * DAY_MS),
  ]
  daemon.before = ({ url }, response) => {
    if (url === '/status') answer(response, 200, { ...status, peerId: peerOf('alpha') })
    else if (url === '/certificates') {
      const [each] = certificates.certificates
      answer(response, 200, {
        ...certificates,
        certificates: texts.map((text) => ({ ...each, text })),
      })
    } else return false
    return true
  }
  const networkKey = writeKey(directory, 1)
  const run = (...args: string[]) =>
    mesh([...args, '--url', daemon.url, '--network-key', networkKey], { cwd: directory })
  const content = (name: string) => daemon.held.get(name)?.at(-1)?.content ?? Buffer.alloc(0)
  return { directory, daemon, networkKey, run, content }
}

t.test(
  'renews what ends soon, for as long as before, and publishes it beside the others',
  async (t) => {
    const { run, content, daemon } = await begin(t)
    const { code, stdout, stderr } = await run('certificate', 'renew', '--within', '30d')
    t.equal(code, 0, stderr)
    t.match(stdout, `beta (${peerOf('beta')}) until `)
    t.match(stdout, /_mesh\/certificates version 1 stored at http/)
    const [first] = [...decodeCertificates(content(NAMES[0])).certificates.values()]
    t.equal(first?.certificate.name, 'beta')
    const leftMs = (first?.certificate.expires ?? 0) - Date.now()
    t.ok(leftMs > 99 * DAY_MS && leftMs < 101 * DAY_MS)
    const none = await run('certificate', 'renew', '--within', '1d')
    t.match(none, { code: 0, stdout: /No certificate .* ends within 1d/ })
    const named = await run('certificate', 'renew', 'gamma', '--expires', '5d', '--json')
    t.match(JSON.parse(named.stdout), {
      ...{ schema: 'mesh-certificate-renew/1', version: 2, listed: 2 },
      renewed: [{ name: 'gamma', peerId: peerOf('gamma') }],
    })
    t.equal(daemon.held.get(NAMES[0])?.length, 2)
  },
)

t.test('says which certificates it did not renew, and who has signed them', async (t) => {
  const known = [
    await certify('alpha', Date.now() + 100 * DAY_MS),
    await certify('beta', Date.now() + 10 * DAY_MS, 3),
    await certify('gamma', Date.now() + 100 * DAY_MS, 3),
  ]
  const { run, daemon } = await begin(t, { known })
  const { code, stdout, stderr } = await run('certificate', 'renew', '--within', '30d')
  t.equal(code, 0)
  t.match(stdout, /No certificate .* ends within 30d, but for those left out/)
  t.ok(stderr.includes(`"beta" (${peerOf('beta')}), which ends at `))
  t.ok(
    stderr.includes(`is not renewed: it is signed by ${publicText(3)}; if that is a network key`),
  )
  t.notMatch(stderr, /alpha|gamma/, 'nothing of who is good, or has time')
  t.equal(daemon.held.get(NAMES[0])?.length, 0)
  const json = await run('certificate', 'renew', '--within', '30d', '--json')
  t.match(JSON.parse(json.stdout), {
    renewed: [],
    passed: [{ name: 'beta', peerId: peerOf('beta'), why: /--network-public-key/ }],
  })
  const trusting = ['--within', '30d', '--network-public-key', publicText(3)]
  const all = await run('certificate', 'renew', ...trusting)
  t.match(all, { code: 0, stdout: `beta (${peerOf('beta')}) until ` })
  t.notMatch(all.stderr, /is not renewed/)
  const again = await certify('beta', Date.now() + 5 * DAY_MS)
  known.push(again)
  const newer = await run('certificate', 'renew', '--within', '30d')
  t.notMatch(newer.stderr, /is not renewed/, 'the node has one that is trusted')
})

t.test('renews from a file into a file, without a daemon', async (t) => {
  const directory = t.testdir({})
  const networkKey = writeKey(directory, 1)
  writeFileSync(join(directory, 'beta.cert'), await certify('beta', Date.now() - DAY_MS))
  const run = (...args: string[]) =>
    mesh(['certificate', 'renew', 'beta.cert', '--network-key', networkKey, ...args], {
      cwd: directory,
    })
  const out = await run('--expires', '10d', '--output', 'new.cert')
  t.match(out, { code: 0, stdout: `new.cert: beta is ${peerOf('beta')} until ` })
  const text = readFileSync(join(directory, 'new.cert'), 'utf8')
  t.ok(parseCertificate(text).certificate.expires > Date.now())
  t.match(await run('--output', 'new.cert'), { code: 2, stderr: /ERR_OUTPUT_EXISTS/ })
  t.match(await run('--output', '-'), { code: 0, stdout: /^mesh-certificate 1\n/ })
  t.match(await run('--url', 'http://127.0.0.1:1'), {
    code: 5,
    stderr: /nothing was published \(--output writes/,
  })
})

t.test('renews nothing that no trusted network key has signed', async (t) => {
  const forged = [await certify('beta', Date.now() + DAY_MS, 3)]
  const { run, directory, daemon } = await begin(t, { known: forged })
  const out = await run('certificate', 'renew', 'beta')
  t.match(out, { code: 2, stderr: /no node that the daemon knows by this name/ })
  writeFileSync(join(directory, 'forged.cert'), String(forged[0]))
  t.match(await run('certificate', 'renew', 'forged.cert'), {
    code: 6,
    stderr: /ERR_CERTIFICATE_INVALID/,
  })
  t.equal(daemon.held.get(NAMES[0])?.length, 0)
  t.match(await run('certificate', 'renew', '--within', '30d'), {
    code: 6,
    stderr:
      /"beta" .* is not renewed: .*no certificate that .* is signed by ssh-ed25519 .*--network-public-key/s,
  })
  t.match(await run('certificate', 'renew'), { code: 2, stderr: /--within 30d/ })
  t.match(await run('certificate', 'renew', '--within', 'soon'), { code: 2, stderr: /no duration/ })
})

t.test('revokes by name, peer id or key, keeps what was revoked, and takes it back', async (t) => {
  const { run, content } = await begin(t)
  const revoked = () => [...decodeRevocations(content(NAMES[1])).revocations.values()]
  const first = await run('certificate', 'revoke', 'beta')
  t.match(first, { code: 0, stdout: `beta (${peerOf('beta')}) is revoked. Every node that this` })
  t.match(first.stdout, /It keeps what it has already/)
  t.match(revoked(), [{ name: 'beta', certificates: 'all' }])
  const second = await run(
    'certificate',
    'revoke',
    publicText(99),
    '--issued-before',
    'now',
    '--json',
  )
  t.match(JSON.parse(second.stdout), {
    schema: 'mesh-certificate-revoke/1',
    version: 2,
    name: null,
  })
  t.equal(revoked().length, 2)
  t.equal((await run('certificate', 'renew', 'beta')).code, 6, 'a revoked one is not renewed')
  const undone = await run('certificate', 'revoke', 'beta', '--undo')
  t.match(undone, { code: 0, stdout: /has its right again/ })
  t.match(revoked(), [{ key: keyOf(99).publicKey }])
  t.match(await run('certificate', 'revoke', 'beta', '--undo'), {
    code: 2,
    stderr: /is not revoked/,
  })
  t.match(await run('certificate', 'revoke', 'nobody'), { code: 2, stderr: /certificate list/ })
  const when = await run('certificate', 'revoke', 'beta', '--issued-before', '2999-01-01')
  t.match(when, { code: 2, stderr: /no time that has been/ })
})

t.test('asks for --force before the node that is asked, or the last one, is revoked', async (t) => {
  const { run, daemon } = await begin(t)
  t.match(await run('certificate', 'revoke', 'alpha'), { code: 2, stderr: /is that very node/ })
  t.equal((await run('certificate', 'revoke', 'beta')).code, 0)
  t.match(await run('certificate', 'revoke', 'alpha', '--force'), { code: 0 })
  t.match(await run('certificate', 'revoke', 'gamma'), { code: 2, stderr: /nobody would be left/ })
  t.equal(daemon.held.get(NAMES[1])?.length, 2)
})

t.test(
  'believes no list that another key has signed, and no daemon without network keys',
  async (t) => {
    const { run, directory, daemon } = await begin(t)
    t.equal((await run('certificate', 'revoke', 'beta')).code, 0)
    const other = ['certificate', 'revoke', 'gamma', '--url', daemon.url, '--force']
    const foreign = await mesh([...other, '--network-key', writeKey(directory, 2)])
    t.match(foreign, {
      code: 4,
      stderr: /if that is a network key, name it with --network-public-key/,
    })
    const both = [...other, '--network-key', writeKey(directory, 2), '--network-public-key']
    t.match(await mesh([...both, publicText(1)]), { code: 0 })

    const without = await begin(t, { names: [] })
    t.match(await without.run('network', 'heartbeat'), {
      code: 3,
      stderr: /has no network keys configured/,
    })
    daemon.before = (_, response) => {
      problem(response, 403, 'ERR_FILE_SIGNER_NOT_ALLOWED')
      return true
    }
    t.equal((await run('certificate', 'revoke', 'gamma')).code, 4)
  },
)

t.test('publishes a heartbeat that says how far the other files are', async (t) => {
  const { run, content, daemon } = await begin(t)
  await run('certificate', 'revoke', 'beta')
  const { code, stdout } = await run('network', 'heartbeat', '--expires', '2h')
  t.equal(code, 0)
  t.match(stdout, /_mesh\/heartbeat version 1 stored at .*says that it is stale/)
  t.match(decodeHeartbeat(content(NAMES[2])), { certificates: 0, revoked: 1 })
  const { expires } = daemon.held.get(NAMES[2])?.at(-1)?.signed.statement ?? {}
  t.ok(Number(expires) > Date.now() + 7_000_000)
  const never = await run('network', 'heartbeat', '--expires', 'never', '--json')
  t.match(JSON.parse(never.stdout), { version: 2, expires: 'never', revoked: 1 })
})

t.test('lists certificates and revocations', async (t) => {
  const { daemon } = await begin(t)
  const { code, stdout } = await mesh(['certificate', 'list', '--url', daemon.url])
  t.equal(code, 0)
  t.match(stdout, /^NAME +PEER +ENDS +STATE +FROM$/m)
  t.match(stdout, /^web-1 .*own, listed$/m)
  t.match(stdout, /^revoked: a node without a name \(12D3KooWgone\)/m)
  const json = await mesh(['certificate', 'list', '--url', daemon.url, '--json'])
  t.match(JSON.parse(json.stdout), { schema: 'mesh-certificates/1', networkId: 'local' })
})

t.test('says what the running daemon would lose, and exits 9', async (t) => {
  const { daemon, directory } = await begin(t)
  const path = join(directory, 'dm.toml')
  writeFileSync(path, '[network]\nid = "fleet"\npsk = "none.psk"\n')
  let body: object = preview
  daemon.before = (request, response) => {
    t.equal(request.url, '/config/preview')
    request.resume()
    answer(response, 200, body)
    return true
  }
  const check = (...args: string[]) =>
    mesh(['config', 'check', path, '--running', '--url', daemon.url, ...args])
  const lost = await check()
  t.match(lost, { code: 9, stdout: /x falls back from version 3 to version 2: …\S+ may not sign/ })
  t.match(lost.stderr, /a restart is needed for http\.port/)
  t.match(lost.stderr, /1 reverted.*ERR_CONFIG_LOSES/)
  const json = await check('--json')
  t.match(JSON.parse(json.stdout), { ok: true, running: preview })
  t.equal(json.code, 9)
  body = { ...preview, changes: [{ ...preview.changes[0], kind: 'withdrawn', before: null }] }
  t.match(await check(), { code: 0 }, 'nothing was published, nothing is lost')
  body = { ...preview, changes: [] }
  t.match(await check(), { code: 0, stdout: /A reload would change no file\./ })
  body = { ...preview, changes: [], refused: 'no place' }
  t.match(await check(), { code: 7, stderr: /would not take .*no place/ })
})

t.test('signs present versions again, and says where that was not taken', async (t) => {
  const { daemon, directory } = await begin(t, { names: ['motd', 'empty'] })
  const [old, next] = [writeKey(directory, 2), writeKey(directory, 3)]
  writeFileSync(join(directory, 'motd'), 'hello')
  const url = ['--url', daemon.url]
  await mesh(['file', 'update', 'motd', '--key', old, ...url], { cwd: directory })
  const resign = (...args: string[]) =>
    mesh(['file', 'resign', ...url, '--key', next, ...args], { cwd: directory })
  // This daemon knows nothing of a second signer, as one whose configuration does not allow it.
  const out = await resign('motd', 'empty', '--signed-by', publicText(2))
  t.match(out, { code: 4, stderr: /may not sign it there; add it to the signers and reload first/ })
  t.match(await resign('motd', '--signed-by', publicText(9)), {
    code: 0,
    stdout: 'No file is signed by that key.\n',
  })
  const same = await mesh([
    'file',
    'resign',
    '--all',
    '--signed-by',
    publicText(2),
    '--key',
    old,
    '--json',
    ...url,
  ])
  t.match(JSON.parse(same.stdout), { files: [{ name: 'motd', version: 1, outcome: 'known' }] })
  t.match(await resign('--signed-by', publicText(2)), { code: 2, stderr: /--all/ })
  t.match(await resign('motd'), { code: 2, stderr: /--signed-by/ })
  t.match(await resign('nothing', '--signed-by', publicText(2)), { code: 3 })
  let failures = 2
  daemon.before = (request) => {
    if (request.url !== '/files/motd' || failures-- <= 0) return false
    request.socket.destroy()
    return true
  }
  const { code, stderr } = await resign('motd', '--signed-by', publicText(2))
  t.equal(code, 4, 'refused, as above')
  t.equal(stderr.match(/the connection broke off; trying again/g)?.length, 2)
})
