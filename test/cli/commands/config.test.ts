import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { listSettings } from '../../../src/config/index.ts'
import { shortDirectory } from '../../support/short-directory.ts'
import { mesh, publicText, writeKey } from '../harness.ts'

const root = join(import.meta.dirname, '../../..')

t.test('sums up a good configuration, and doubts what is odd', async (t) => {
  const directory = t.testdir({})
  const path = join(directory, 'dm.toml')
  writeFileSync(path, `[network]\nid = "fleet"\nkeys = ["${publicText(1)}"]\npsk = "none.psk"\n`)
  const { code, stdout, stderr } = await mesh(['config', 'check', path])
  t.equal(code, 0)
  t.match(stdout, /^network +fleet, by pre-shared key and certificate$/m)
  t.match(stdout, /^files +0$/m)
  t.match(stderr, /no files are configured/)
  t.match(
    stderr,
    /dm\.toml:4:1: network\.psk: .*none\.psk is not there: on the machine that this is for, a daemon .* does not start; .*mesh generate psk/,
  )
  t.match(await mesh(['config', 'check', path, '--strict']), {
    code: 8,
    stdout: '',
    stderr: /network\.psk: .*none\.psk is not there/,
  })
  const json = JSON.parse((await mesh(['config', 'check', path, '--json'])).stdout)
  t.match(json, {
    ok: true,
    problems: [],
    notes: [/certificate/, /no files/, /none\.psk is not there/],
  })
  t.match(await mesh(['config', 'check'], { env: { MESH_CONFIG: path } }), { code: 0 })
  t.match(await mesh(['config', 'check', join(root, 'dm.toml.example')]), { code: 0 })
})

t.test('reports every problem with its place, and exits 7', async (t) => {
  const directory = t.testdir({ 'dm.toml': '[cluster]\nprot = 1\n[http]\nport = "x"\n' })
  const path = join(directory, 'dm.toml')
  const { code, stdout, stderr } = await mesh(['config', 'check', path])
  t.same({ code, stdout }, { code: 7, stdout: '' })
  t.ok(stderr.includes(`${path}:2:1: cluster.prot: is not a known key; did you mean "port"?`))
  t.ok(stderr.includes(`${path}:4:1: http.port: must be a whole number`))
  const json = await mesh(['config', 'check', path, '--json'])
  t.equal(json.code, 7)
  const { ok, schema, problems } = JSON.parse(json.stdout)
  t.same([schema, ok, problems.length], ['mesh-config-check/1', false, 2])
  t.match(problems[0], { key: 'cluster.prot', line: 2, column: 1, code: 'ERR_CONFIG_INVALID' })
  t.match(JSON.parse(json.stderr), { schema: 'mesh-error/1', exitCode: 7 })
  t.match(await mesh(['config', 'check', '/nonexistent']), {
    code: 7,
    stderr: /ERR_CONFIG_NOT_FOUND/,
  })
})

t.test('judges the keys and the certificate that a configuration names', async (t) => {
  const directory = t.testdir({})
  const cwd = directory
  const run = (...args: string[]) => mesh(args, { cwd })
  const [networkKey, identity, other] = [1, 2, 3].map((byte) => writeKey(directory, byte))
  const sign = ['certificate', 'sign', '--network-key', `${networkKey}`, '--network', 'fleet']
  const certificate = (name: string, byte: number) =>
    run(...sign, '--name', name, '--key', publicText(byte), '--expires', '30d')
  await certificate('own', 2)
  await certificate('other', 3)
  await run('generate', 'psk', '--output', 'good.psk')
  const check = async (
    psk: string,
    cert: string,
    key: string | undefined,
    network = 'fleet',
    by = 1,
  ) => {
    const text = `[network]\nid = "${network}"\nkeys = ["${publicText(by)}"]\npsk = "${psk}"\ncertificate = "${cert}"\nidentity_key = "${key}"\n`
    writeFileSync(join(directory, 'dm.toml'), text)
    return run('config', 'check', 'dm.toml')
  }
  t.match(await check('good.psk', 'own.cert', identity), { code: 0 })
  t.match(await check('good.psk', 'own.cert', 'not-made-yet.key'), { code: 0 })
  t.match(await check('good.psk', 'other.cert', identity), {
    code: 6,
    stdout: '',
    stderr: /dm\.toml:5:1: network\.certificate: .*other\.cert: .* is for the key/,
  })
  t.match(await check('good.psk', 'other.cert', other, 'mine'), {
    code: 6,
    stderr: /network\.certificate: .* is for the network fleet, not mine/,
  })
  // As after a change of the network key: the daemon has a new one, and the file is the old one.
  const renewed = await check('good.psk', 'own.cert', identity, 'fleet', 3)
  t.match(renewed, { code: 6, stderr: /not a key of the network; .*mesh certificate renew NAME/ })
  t.match(await check('own.cert', 'own.cert', identity), { code: 8, stderr: /network\.psk: / })
  chmodSync(join(directory, 'good.psk'), 0o644)
  const { code, stderr } = await check('good.psk', 'own.cert', identity)
  t.equal(code, 8)
  t.match(stderr, /dm\.toml:4:1: network\.psk: .*good\.psk is open to everybody \(mode 0644\)/)
  t.match(stderr, /ERR_KEY_INSECURE/)
  const json = JSON.parse((await run('config', 'check', 'dm.toml', '--json')).stdout)
  t.match(json, {
    ok: false,
    problems: [{ code: 'ERR_KEY_INSECURE', key: 'network.psk', line: 4 }],
  })
})

t.test('a configuration that is not there: which, and what next', async (t) => {
  const { code, stderr } = await mesh(['config', 'check', '/nonexistent/dm.toml'])
  t.equal(code, 7)
  t.match(
    stderr,
    /\/nonexistent\/dm\.toml cannot be read: .*; name another, or begin with dm\.toml\.example/,
  )
})

t.test('prints the reference', async (t) => {
  const { stdout } = await mesh(['config', 'reference'])
  t.equal(stdout, readFileSync(join(root, 'docs/configuration.md'), 'utf8'))
  const json = await mesh(['config', 'reference', '--json'])
  t.same(JSON.parse(json.stdout), { schema: 'mesh-config-reference/1', settings: listSettings() })
})

t.test(
  'with --running asks the daemon of the configuration, unless another is named',
  async (t) => {
    const directory = shortDirectory(t)
    const path = join(directory, 'dm.toml')
    writeFileSync(path, `[http]\nsocket = "own.sock"\n[files]\nmotd = ["${publicText(1)}"]\n`)
    const ask = (env: Record<string, string>, ...args: string[]) =>
      mesh(['config', 'check', path, '--running', ...args], { env })
    t.match(await ask({}), { code: 5, stderr: /no answer from unix:.*own\.sock: / })
    t.match(await ask({ MESH_SOCKET: '/nowhere/a' }), { code: 5, stderr: /unix:\/nowhere\/a: / })
    t.match(await ask({}, '--socket', '/nowhere/b'), { code: 5, stderr: /unix:\/nowhere\/b: / })
  },
)
