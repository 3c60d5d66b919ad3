import t from 'tap'
import { parseConfig } from '../../src/config/index.ts'
import { checkNewCertificate, restartNeeded, warnOfRestart } from '../../src/daemon/reload.ts'
import { formatPublicKey, generatePrivateKey, signCertificate } from '../../src/keys/index.ts'
import { createHealth } from '../../src/observe/index.ts'
import { parseTimestamp, systemRandom } from '../../src/util/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

const environment = { exists: () => false }
const parse = (text: string) => parseConfig(text, { path: '/etc/mesh/dm.toml', environment })

t.test('names the keys that need a restart, and none of those that do not', async (t) => {
  const key = formatPublicKey(generatePrivateKey(systemRandom).publicKey, 'openssh')
  const before = parse('')
  t.same(restartNeeded(before, parse('')), [])
  t.same(restartNeeded(before, parse(`log_level = "debug"\n[files]\n"a" = ["${key}"]\n`)), [])
  t.same(
    restartNeeded(
      before,
      parse(
        'state_dir = "/x"\n[http]\nport = 1\nallowed_hosts = ["a"]\n[cluster]\nmax_connections = 5\n',
      ),
    ),
    [
      'state_dir',
      'network.identity_key',
      'cluster.max_connections',
      'http.port',
      'http.socket',
      'http.allowed_hosts',
    ],
  )
  t.ok(
    restartNeeded(before, parse('[network]\nid = "local"\npsk = "/k"\n')).includes('network.psk'),
  )
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
