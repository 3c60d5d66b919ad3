import t from 'tap'
import { parseConfig } from '../../src/config/index.ts'
import { checkNewCertificate, takeOver, warnOfRestart } from '../../src/daemon/reload.ts'
import { formatPublicKey, generatePrivateKey, signCertificate } from '../../src/keys/index.ts'
import { createHealth } from '../../src/observe/index.ts'
import { parseTimestamp, systemRandom } from '../../src/util/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

const environment = { exists: () => false }
const parse = (text: string) => parseConfig(text, { path: '/etc/mesh/dm.toml', environment })

const key = formatPublicKey(generatePrivateKey(systemRandom).publicKey, 'openssh')

t.test('takes over what it can and names the keys that wait for a restart', async (t) => {
  const before = parse('')
  t.same(takeOver(before, parse('')), { config: before, waiting: [] })
  const soft = parse(`log_level = "debug"\n[files]\n"a" = ["${key}"]\n`)
  t.same(takeOver(before, soft), { config: soft, waiting: [] })
  const hard = parse(
    [
      'state_dir = "/x"',
      'log_level = "debug"',
      '[network]',
      'id = "home"',
      '[http]',
      'port = 1',
      'allowed_hosts = ["a"]',
      '[cluster]',
      'max_connections = 5',
    ].join('\n'),
  )
  const { config, waiting } = takeOver(before, hard)
  t.same(waiting, [
    'state_dir',
    'network.id',
    'network.identity_key',
    'cluster.max_connections',
    'http.port',
    'http.socket',
    'http.allowed_hosts',
  ])
  t.same(config, { ...before, logLevel: 'debug' })
})

t.test('takes over other limits on bandwidth at once', async (t) => {
  const before = parse('')
  const after = parse('[cluster]\nmax_upload = "1MiB"\n')
  t.same(takeOver(before, after), { config: after, waiting: [] })
})

t.test('says of every key of [http] that it waits for a restart', async (t) => {
  const before = parse('')
  const different = {
    listen: [],
    port: 1,
    socketPath: '/other.sock',
    socketMode: 0o600,
    allowedHosts: ['a'],
    requestsPerSecond: 7,
    metrics: true,
  }
  t.same(Object.keys(different).sort(), Object.keys(before.http).sort(), 'the test knows them all')
  for (const [key, value] of Object.entries(different)) {
    const { waiting, config } = takeOver(before, {
      ...before,
      http: { ...before.http, [key]: value },
    })
    t.match(waiting, [/^http\.[a-z_]+$/], key)
    t.same(config, before)
  }
})

t.test('says of every key of [blocks] that it waits for a restart', async (t) => {
  const before = parse('')
  const keys = ['cache', 'quota', 'scrub_rate']
  t.equal(Object.keys(before.blocks).length, keys.length, 'the test knows them all')
  for (const key of keys) {
    const after = takeOver(before, parse(`[blocks]\n${key} = "2GiB"\n`))
    t.same(after, { config: before, waiting: [`blocks.${key}`] })
  }
})

t.test('takes over another file of bearer tokens', async (t) => {
  const before = parse('[http]\ntoken_file = "/a"\n')
  const after = parse('[http]\ntoken_file = "/b"\n')
  t.same(takeOver(before, after), { config: after, waiting: [] })
  t.same(takeOver(before, parse('')), { config: parse(''), waiting: [] })
})

t.test('a closed network is not opened without a restart', async (t) => {
  const closed = parse(`[network]\nid = "home"\nkeys = ["${key}"]\npsk = "/psk"\n`)
  const open = parse('[network]\nid = "home"\n')
  const { config, waiting } = takeOver(closed, open)
  t.same(config.network, closed.network)
  t.same(waiting, ['cluster.listen', 'network.keys', 'network.psk'])

  const back = takeOver(open, closed)
  t.same(back.config.network.keys, closed.network.keys, 'more is asked for at once')
  t.same(back.config.network.pskPaths, [])
  t.same(back.waiting, ['cluster.listen', 'network.psk'])
})

t.test('warns as long as a restart is needed', async (t) => {
  const health = createHealth({ clock: { nowMs: () => 0 } })
  warnOfRestart({ health }, '/dm.toml', ['http.port', 'state_dir'])
  warnOfRestart({ health }, '/dm.toml', ['http.port'])
  t.match(health.list(), [{ code: 'restart-needed', message: /of http\.port take/ }])
  warnOfRestart({ health }, '/dm.toml', [])
  t.same(health.list(), [])
})

t.test('refuses a configuration that would cost this node its place', async (t) => {
  const networkKey = generatePrivateKey(systemRandom)
  const node = generatePrivateKey(systemRandom)
  const certificate = await signCertificate(networkKey, {
    network: 'home',
    name: 'alpha',
    key: node.publicKey,
    issued: 0 as Timestamp,
    expires: parseTimestamp('2030-01-01T00:00:00.000Z') ?? (0 as Timestamp),
    namespaces: [],
  })
  const closed = parse(
    `[network]\nid = "home"\nkeys = ["${formatPublicKey(networkKey.publicKey, 'openssh')}"]\n`,
  )
  const own = { key: node.publicKey, nowMs: 0 }
  const check = (text: string | Error | undefined, bearer = own) =>
    checkNewCertificate(closed, { psks: [], certificate: text }, bearer)
  t.doesNotThrow(() => check(certificate))
  t.throws(() => check(undefined), { code: 'ERR_CERTIFICATE_MISSING' })
  t.throws(() => check(new Error('EACCES')), { message: /EACCES/ })
  t.throws(() => check(certificate, { ...own, nowMs: 2e12 }), { code: 'ERR_CERTIFICATE_EXPIRED' })
  t.doesNotThrow(() => checkNewCertificate(parse(''), { psks: [], certificate: undefined }, own))
})
