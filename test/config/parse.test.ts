import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { loadConfig, MAX_CONFIG_BYTES, readConfigFile } from '../../src/config/index.ts'
import { isMeshError } from '../../src/errors/index.ts'
import { check, keyText, onlyMessage, parse, places } from './fixtures.ts'

t.test(
  'an empty file is a configuration: loopback, no files, everything at its default',
  async (t) => {
    t.same(parse(''), {
      path: '/etc/mesh/dm.toml',
      logLevel: 'info',
      stateDir: '/var/lib/mesh',
      network: {
        id: 'local',
        keys: [],
        pskPaths: [],
        identityKeyPath: '/var/lib/mesh/identity.key',
      },
      cluster: {
        listen: ['/ip4/127.0.0.1/tcp/7946', '/ip6/::1/tcp/7946'],
        announce: [],
        bootstrapPeers: [],
        pushPullIntervalMs: 30_000,
        maxConnections: 256,
        bandwidth: {},
        allowOpenNetwork: false,
        dht: { enabled: false },
      },
      http: {
        listen: ['127.0.0.1'],
        port: 7331,
        socketPath: '/var/lib/mesh/mesh.sock',
        socketMode: 0o660,
        allowedHosts: [],
        requestsPerSecond: 500,
        metrics: false,
      },
      hooks: { timeoutMs: 60_000, allowRoot: false },
      blocks: { cacheBytes: 2 ** 30, quotaBytes: 2 ** 34, scrubBytesPerSecond: 4 * 2 ** 20 },
      files: [],
    })
  },
)

t.test('reads every key', async (t) => {
  const config = parse(`
log_level = "debug"
state_dir = "state"
[network]
id = "fleet"
keys = ["${keyText(1)}"]
psk = "mesh.psk"
certificate = "/secrets/certificate"
identity_key = "identity"
[cluster]
port = 1234
announce = ["/dns/me.example/tcp/1234"]
bootstrap_peers = ["/ip4/192.0.2.1/tcp/7946/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"]
push_pull_interval = "1.5s"
max_connections = 9
max_upload = "10MiB"
max_download_per_peer = "16KiB"
dht.enabled = true
[http]
listen = ["::1", "127.0.0.1"]
port = 0
socket = "/run/x.sock"
socket_mode = "600"
allowed_hosts = ["mesh.example"]
metrics = true
[files]
"x" = ["${keyText(2)}"]
`)
  t.match(config, {
    logLevel: 'debug',
    stateDir: '/etc/mesh/state',
    network: {
      id: 'fleet',
      pskPaths: ['/etc/mesh/mesh.psk'],
      certificatePath: '/secrets/certificate',
      identityKeyPath: '/etc/mesh/identity',
    },
    cluster: {
      listen: ['/ip4/0.0.0.0/tcp/1234', '/ip6/::/tcp/1234'],
      announce: ['/dns/me.example/tcp/1234'],
      bootstrapPeers: [
        '/ip4/192.0.2.1/tcp/7946/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5',
      ],
      pushPullIntervalMs: 1500,
      maxConnections: 9,
      bandwidth: { upload: 10 * 2 ** 20, downloadPerPeer: 16 * 2 ** 10 },
      dht: { enabled: true },
    },
    http: {
      listen: ['::1', '127.0.0.1'],
      port: 0,
      socketPath: '/run/x.sock',
      socketMode: 0o600,
      allowedHosts: ['mesh.example'],
      metrics: true,
    },
    files: [{ name: 'x', maxSizeBytes: 64 * 2 ** 20, mode: 0o644 }],
  })
})

t.test('reads how much room blocks have, and how fast they are checked', async (t) => {
  const text = '[blocks]\ncache = "0B"\nquota = "2GiB"\nscrub_rate = "0B"\n'
  t.match(parse(text), {
    blocks: { cacheBytes: 0, quotaBytes: 2 ** 31, scrubBytesPerSecond: 0 },
  })
  const tooLarge = '[blocks]\ncache = "3GiB"\nquota = "2GiB"\n'
  t.match(onlyMessage(tooLarge), /blocks\.quota \(2 GiB\), which the cache is a part of/)
})

t.test('says where the syntax is wrong, and shows it', async (t) => {
  const text = 'log_level = "info"\n[network]\nid = local\n'
  const { problems, config } = check(text)
  t.equal(config, undefined)
  t.match(problems, [
    { code: 'ERR_CONFIG_SYNTAX', line: 3, column: 6, excerpt: /id = local\n.*\^/ },
  ])
  t.throws(() => parse(text), { code: 'ERR_CONFIG_SYNTAX', message: /dm\.toml:3:6: this is not/ })
})

t.test('reports all problems at once, top to bottom, each where it stands', async (t) => {
  const text = `
[cluster]
bootstrap_pears = []
port = "7946"
bootstrap_peers = ["/ip4/192.0.2.1/tcp/1/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5", "nowhere", 5]
[http]
socket_mode = "999"
[files]
"../x" = []
"ok" = ["nonsense"]
`
  t.same(places(text), [
    '3:1 cluster.bootstrap_pears',
    '4:1 cluster.port',
    '5:101 cluster.bootstrap_peers[1]',
    '5:112 cluster.bootstrap_peers[2]',
    '7:1 http.socket_mode',
    '9:1 files."../x"',
    '10:9 files.ok[0]',
  ])
  t.throws(() => parse(text), {
    code: 'ERR_CONFIG_INVALID',
    message:
      /^\/etc\/mesh\/dm\.toml has 7 problems:\n(?:.|\n)*3:1: cluster\.bootstrap_pears: is not/,
    data: { line: 3, column: 1, problems: 7 },
  })
})

t.test('names the nearest known key, also when it belongs elsewhere', async (t) => {
  t.match(onlyMessage('[cluster]\nbootstrap_pears = []'), /did you mean "bootstrap_peers"\?/)
  t.match(onlyMessage('bootstrap_peer = []'), /did you mean "bootstrap_peers" in \[cluster\]\?/)
  t.match(onlyMessage('[http]\nlog_level = "info"'), /"log_level" at the top of the file/)
  t.match(onlyMessage('[cluster.dht]\nzzzzzzzzzzzz = 1'), /known here: enabled/)
  t.match(onlyMessage('[clutser]\n'), /did you mean "cluster"\?/)
})

t.test('says what a value should be', async (t) => {
  const cases: [string, RegExp][] = [
    ['log_level = "inf"', /did you mean "info"\?/],
    ['log_level = 3', /must be one of "fatal".*, not a number/],
    ['state_dir = 1979-05-27', /must be a path, not a date or time/],
    ['state_dir = ""', /must be a path/],
    ['cluster = 5', /must be a table, not a number/],
    ['cluster = [1]', /must be a table, not a list/],
    ['cluster.port = 65536', /whole number from 0 to 65535/],
    ['cluster.port = 1.5', /whole number/],
    ['cluster.push_pull_interval = 30', /must be a duration such as "30s", not a number/],
    ['cluster.push_pull_interval = "30"', /"30" is not a duration/],
    ['cluster.push_pull_interval = "1ms"', /must be from "100ms" to "1d"/],
    ['cluster.bootstrap_peers = "x:1"', /must be a list of addresses, not a string/],
    ['cluster.bootstrap_peers = ["x:1"]', /does not say which peer is there; add its peer id/],
    ['cluster.bootstrap_peers = ["/dns/x/tcp/1"]', /does not say which peer is there/],
    ['cluster.listen = ["/dns/a/tcp/1"]', /is not a TCP address/],
    ['http.listen = ["a b"]', /neither an address nor an interface/],
    ['http.socket_mode = "0460"', /owner read and write/],
    ['network.id = "Local"', /not a network id/],
    ['network.psk = true', /must be a path, not true/],
    ['network.keys = ["AAAA"]', /not a public key/],
    ['files = []', /must be a table of file names, not a list/],
    ['network.files = 1', /must be a table of file names/],
  ]
  for (const [text, message] of cases) t.match(onlyMessage(text), message, text)
})

t.test('refuses a secret in place of its path, and never repeats it', async (t) => {
  const secret = '/key/swarm/psk/1.0.0/\\n/base16/\\nabcdef0123'
  for (const text of [
    `network = { id = "x", psk = "${secret}" }`,
    `[network]\nid = "x"\npsk = ["${secret}"]`,
    `[network]\nidentity_key = """-----BEGIN OPENSSH PRIVATE KEY-----\nabcdef0123"""`,
    `[network]\nprivate_key = "abcdef0123"`,
    `[network]\npsk = { key = "abcdef0123" }`,
    `[files]\nx = ["""-----BEGIN PRIVATE KEY-----\nabcdef0123"""]`,
  ]) {
    const { problems } = check(text)
    t.equal(problems.length, 1, text)
    t.notMatch(JSON.stringify(problems), /abcdef0123/, text)
  }
})

t.test('a message spells out fifty problems, the list has them all', async (t) => {
  const text = Array.from({ length: 60 }, (_, index) => `zzzzzzzz${index} = 1`).join('\n')
  t.equal(check(text).problems.length, 60)
  t.throws(() => parse(text), { message: /… and 10 more$/ })
})

t.test('names that JavaScript knows are names like any other', async (t) => {
  const key = keyText(1)
  for (const name of ['constructor', '__proto__', 'prototype', 'toString']) {
    t.same(
      parse(`[files]\n"${name}" = ["${key}"]`).files.map((file) => file.name),
      [name],
    )
    t.match(onlyMessage(`${name} = 1`), /is not a known key/)
    t.match(onlyMessage(`cluster.${name} = 1`), /is not a known key/)
  }
  t.equal(Object.hasOwn(Object.prototype, 'signers'), false)
})

t.test('no text makes it throw anything but its own error', async (t) => {
  const piece = fc.constantFrom(
    ...[
      '[network]',
      '[files]',
      '[cluster.dht]',
      'id',
      'keys',
      'psk',
      '=',
      '"a"',
      '[',
      ']',
      '{',
      '}',
    ],
    ...[
      '\n',
      '.',
      ',',
      '5',
      'true',
      '1979-05-27',
      '"x.y"',
      'signers',
      'port',
      '__proto__',
      '[[files]]',
    ],
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        parse(pieces.join(' '))
      } catch (error) {
        if (!isMeshError(error)) throw error
      }
    }),
    { numRuns: 2_000 },
  )
  t.pass('held')
})

t.test('refuses nesting that would exhaust the stack', async (t) => {
  const text = `a = ${'['.repeat(100_000)}`
  t.match(check(text).problems, [{ code: 'ERR_CONFIG_SYNTAX' }])
})

t.test('loads a file, and says why it cannot', async (t) => {
  const directory = t.testdir({ 'dm.toml': 'log_level = "warn"', 'bad.toml': 'log_levl = "warn"' })
  t.match(await loadConfig(join(directory, 'dm.toml')), { logLevel: 'warn' })
  await t.rejects(loadConfig(join(directory, 'bad.toml')), { code: 'ERR_CONFIG_INVALID' })
  await t.rejects(readConfigFile(join(directory, 'none.toml')), { code: 'ERR_CONFIG_NOT_FOUND' })
  mkdirSync(join(directory, 'folder'))
  await t.rejects(readConfigFile(join(directory, 'folder')), { code: 'ERR_CONFIG_NOT_FOUND' })
  writeFileSync(join(directory, 'latin.toml'), Buffer.from([0x61, 0xff]))
  await t.rejects(readConfigFile(join(directory, 'latin.toml')), { code: 'ERR_CONFIG_SYNTAX' })
  writeFileSync(join(directory, 'huge.toml'), Buffer.alloc(MAX_CONFIG_BYTES + 1, '#'))
  await t.rejects(readConfigFile(join(directory, 'huge.toml')), { code: 'ERR_LIMIT_EXCEEDED' })
})
