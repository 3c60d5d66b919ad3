/** `mesh file sign`, `headers` and `verify`: statements without a daemon. */
import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { formatStatementFile, parseFileName, parseNetworkId } from '../../../src/statement/index.ts'
import { parseStatementFile, signStatement } from '../../../src/statement/index.ts'
import { sha256 } from '../../../src/util/index.ts'
import { startFakeDaemon } from '../fake-daemon.ts'
import { keyOf, mesh, publicText, writeKey } from '../harness.ts'
import type { Timestamp } from '../../../src/util/index.ts'
import type { Test } from 'tap'

const begin = (t: Test) => {
  const directory = t.testdir({ motd: 'hello\n' })
  const path = join(directory, 'motd')
  const key = writeKey(directory, 1)
  const offline = ['--network', 'fleet', '--version', '2', '--key', key]
  const sign = (...args: string[]) => mesh(['file', 'sign', path, ...offline, ...args])
  const read = (file = `${path}.stmt`) => parseStatementFile(readFileSync(file, 'utf8'))
  return { directory, path, key, sign, read }
}

t.test('writes a statement beside the file, without a daemon', async (t) => {
  const { path, sign, read } = begin(t)
  const { code, stdout, stderr } = await sign('--expires', '2999-01-01')
  t.same({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, /motd\.stmt: motd version 2, sha256 5891b5b5\w+, 1 signature\n$/)
  t.match(read(), {
    statement: { network: 'fleet', name: 'motd', version: 2, replaces: 'none' },
    signatures: [{ key: keyOf(1).publicKey }],
  })
  t.match(await sign(), { code: 2, stderr: /motd\.stmt is there already/ })
  t.match(await sign('--force'), { code: 0 })
  t.equal(read().statement.expires, 'never')
  t.match(await sign('-o', '-'), { stdout: /^mesh-file 1\nnetwork fleet\n/ })
  const pipe = ['file', 'sign', '-', '--name', 'a/b', '--network', 'fleet', '--version', '1']
  const outcome = await mesh([...pipe, '--key', join(path, '../1.key')], { input: 'x' })
  t.match(outcome, { code: 0, stdout: /\nname a\/b\n/ })
})

t.test('signs the list of blocks with larger content, and verifies it', async (t) => {
  const { path, sign, read } = begin(t)
  writeFileSync(path, Buffer.alloc(3_000_000, 'some content, '))
  t.match(await sign(), { code: 0 })
  const { blocks } = read().statement
  t.match(blocks, /^[0-9a-f]{64}$/)
  const verify = () => mesh(['file', 'verify', path, '--signer', publicText(1), '--json'])
  const { code, stdout } = await verify()
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { blocks })
  writeFileSync(path, Buffer.alloc(3_000_000, 'others content'))
  t.match(await verify(), { code: 6, stderr: /is not version 2/ })
})

t.test('says when the content is right and the signed list of blocks is not', async (t) => {
  const { directory, path } = begin(t)
  const content = Buffer.alloc(100_000, 'x')
  writeFileSync(path, content)
  const signed = await signStatement(
    {
      network: parseNetworkId('fleet'),
      name: parseFileName('motd'),
      version: 2,
      time: 0 as Timestamp,
      expires: 'never',
      replaces: 'none',
      content: { digest: sha256(content), sizeBytes: content.length },
      blocks: sha256('another list'),
    },
    [keyOf(1)],
  )
  writeFileSync(join(directory, 'motd.stmt'), formatStatementFile(signed))
  const outcome = await mesh(['file', 'verify', path, '--signer', publicText(1)])
  t.match(outcome, { code: 6, stderr: /blocks are not those/ })
})

t.test('asks a daemon for what it is not told', async (t) => {
  const { path, key, read } = begin(t)
  const daemon = await startFakeDaemon(t, ['motd'])
  const at = ['--url', daemon.url, '--key', key]
  await mesh(['file', 'update', path, ...at])
  t.match(await mesh(['file', 'sign', path, ...at]), { code: 0 })
  t.match(read().statement, { network: 'local', version: 2 })
  t.equal(daemon.held.get('motd')?.length, 1, 'nothing was uploaded')
})

t.test(
  'says how to do without the daemon, the statement or the key that is not there',
  async (t) => {
    const { path, key } = begin(t)
    const alone = ['file', 'sign', path, '--url', 'http://127.0.0.1:1']
    t.match(await mesh([...alone, '--key', key]), {
      code: 5,
      stderr: /with --network and --version no daemon is asked/,
    })
    t.match(await mesh(['file', 'verify', path, '--signer', publicText(1)]), {
      code: 2,
      stderr: /motd\.stmt cannot be read.*--statement/,
    })
    writeFileSync(`${key}.pub`, `${publicText(1)}\n`)
    t.match(await mesh([...alone, '--key', `${key}.pub`]), {
      code: 8,
      stderr: /1\.key\.pub is a public key; name the private one, perhaps .*1\.key \(/,
    })
  },
)

t.test('adds signatures to a statement', async (t) => {
  const { directory, path, sign, read } = begin(t)
  await sign()
  const id = read().id
  const cosign = (...args: string[]) =>
    mesh(['file', 'sign', `${path}.stmt`, '--key', writeKey(directory, 2), ...args])
  t.match(await cosign(), { code: 0, stdout: /2 signatures/ })
  t.equal(read().id, id)
  t.match(await cosign(), { code: 0, stdout: /2 signatures/ }, 'the same key counts once')
  t.match(await cosign('--version', '3'), { code: 2, stderr: /only a signature can be added/ })
  const text = readFileSync(`${path}.stmt`, 'utf8')
  writeFileSync(`${path}.stmt`, text.replace('version 2', 'version 3'))
  t.match(await cosign(), { code: 6, stderr: /ERR_SIGNATURE_INVALID/ }, 'signs no changed one')
})

t.test('what curl needs is one line without quotes, and curl uploads with it', async (t) => {
  const { path, key } = begin(t)
  const daemon = await startFakeDaemon(t, ['motd'])
  const args = ['file', 'sign', path, '--network', 'local', '--key', key]
  const { stdout } = await mesh([...args, '--version', '1', '--curl'])
  t.match(stdout, /^-H Mesh-Statement:[A-Za-z0-9+/=]+ -H Mesh-Signature:[A-Za-z0-9+/=]+\n$/)
  const url = `${daemon.url}/files/motd`
  const curl = (fields: string) =>
    promisify(execFile)('curl', [
      '-sS',
      '--fail-with-body',
      '-T',
      path,
      ...fields.trim().split(' '),
      url,
    ])
  t.match(JSON.parse((await curl(stdout)).stdout), { outcome: 'stored', current: { version: 1 } })
  await mesh([...args, '--version', '2'])
  const headers = await mesh(['file', 'headers', `${path}.stmt`])
  t.match(JSON.parse((await curl(headers.stdout)).stdout), { current: { version: 2 } })
})

t.test('verifies a file against its statement, signer, name and network', async (t) => {
  const { path, sign } = begin(t)
  await sign()
  const verify = (...args: string[]) =>
    mesh(['file', 'verify', path, '--signer', publicText(1), ...args])
  t.match(await verify(), {
    code: 0,
    stdout: /^good: motd version 2, sha256 5891\w+\nsigned by ssh-ed25519 /,
  })
  t.match(await verify('--name', 'motd', '--network', 'fleet', '--json'), {
    code: 0,
    stdout: /"schema": "mesh-file-verify\/1"/,
  })
  t.match(await verify('--name', 'other'), { code: 6, stderr: /about motd, not other/ })
  t.match(await verify('--network', 'other'), { code: 4, stderr: /network fleet, not other/ })
  t.match(await verify('--statement', '/nonexistent'), { code: 2, stderr: /no such file/ })
  t.match(await mesh(['file', 'verify', path]), { code: 2, stderr: /--signer/ })
  const other = await mesh(['file', 'verify', path, '--signer', publicText(2)])
  t.match(other, { code: 4, stderr: /by no --signer/ })
  writeFileSync(path, 'hello!')
  t.match(await verify(), { code: 6, stdout: '', stderr: /is not version 2 of motd/ })
  const text = readFileSync(`${path}.stmt`, 'utf8')
  writeFileSync(`${path}.stmt`, text.replace('name motd', 'name mote'))
  t.match(await verify(), { code: 6, stderr: /ERR_SIGNATURE_INVALID/ })
  writeFileSync(`${path}.stmt`, 'nonsense')
  t.match(await verify(), { code: 6, stderr: /ERR_STATEMENT_MALFORMED/ })
})

t.test('verifies no file that has expired', async (t) => {
  const { path, sign } = begin(t)
  await sign('--expires', '1ms')
  const outcome = await mesh(['file', 'verify', path, '--signer', publicText(1)])
  t.match(outcome, { code: 6, stderr: /motd expired at/ })
})

t.test('ssh-keygen accepts what it signs', async (t) => {
  const { directory, path, sign } = begin(t)
  await sign()
  const [text = '', armor = ''] = readFileSync(`${path}.stmt`, 'utf8').split(/(?=-----BEGIN)/)
  writeFileSync(join(directory, 'sig'), armor)
  writeFileSync(join(directory, 'allowed'), `a ${publicText(1)}\n`)
  const verify = ['-Y', 'verify', '-f', 'allowed', '-I', 'a', '-n', 'mesh-file', '-s', 'sig']
  const said = execFileSync('ssh-keygen', verify, { cwd: directory, input: text, encoding: 'utf8' })
  t.match(said, /^Good "mesh-file" signature/)
})
