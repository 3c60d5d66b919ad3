import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { formatPublicKey, generatePrivateKey } from '../../src/keys/index.ts'
import { parseFileName, parseNetworkId, signStatement } from '../../src/statement/index.ts'
import { sha256, systemRandom } from '../../src/util/index.ts'
import { call, headersOf } from '../http/harness.ts'
import { createNode, run } from '../integration/cluster.ts'
import { createNetwork, whyNoNamespaces } from '../support/namespaces.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { ClusterNode, NodeInit } from '../integration/cluster.ts'

const root = mkdtempSync(join(tmpdir(), 'mesh-run-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))
const signer = generatePrivateKey(systemRandom)
const signerLine = formatPublicKey(signer.publicKey, 'openssh')
let count = 0

const makeNode = (init: Partial<NodeInit> & { extra?: string } = {}) => {
  const directory = join(root, String(++count))
  mkdirSync(directory)
  let extra = init.extra ?? ''
  let files = ['hello.txt']
  let ports = { cluster: 0, http: 0 }
  const text = (): string =>
    [
      `state_dir = "${directory}/state"`,
      extra,
      '[cluster]',
      `listen = ["/ip4/127.0.0.1/tcp/${ports.cluster}"]`,
      '[http]',
      `port = ${ports.http}`,
      `socket = "${directory}/mesh.sock"`,
      '[files]',
      ...files.map((name) => `"${name}" = ["${signerLine}"]`),
      '',
    ].join('\n')
  const node = createNode({
    name: 'alpha',
    peerId: '' as PeerId,
    directory,
    configure(next) {
      ports = next
      return text()
    },
    ...init,
  })
  t.teardown(() => node.kill().catch(() => {}))
  const rewrite = (change: { extra?: string; files?: string[]; whole?: string }): void => {
    extra = change.extra ?? extra
    files = change.files ?? files
    writeFileSync(node.configPath, change.whole ?? text())
  }
  return { node, rewrite }
}

const get = (node: ClusterNode, path: string) => call(node.socketPath, 'GET', path)

/** Counts lines, to wait for the next one of a kind. */
const nextLine = (node: ClusterNode, pattern: RegExp) => {
  const from = node.log.length
  return node.logged((line) => node.log.indexOf(line) >= from && pattern.test(line.msg))
}

let version = 0
const put = async (node: ClusterNode, name: string, content: string) => {
  const signed = await signStatement(
    {
      network: parseNetworkId('local'),
      name: parseFileName(name),
      version: ++version,
      time: Date.now() as Timestamp,
      expires: 'never',
      replaces: 'none',
      content: { digest: sha256(content), sizeBytes: content.length },
      blocks: 'none',
    },
    [signer],
  )
  return call(node.url, 'PUT', `/files/${name}`, { headers: headersOf(signed), body: content })
}

t.test('keeps its identity and its files over restarts, kill -9 included', async (t) => {
  const { node } = makeNode()
  await node.start()
  t.equal((await put(node, 'hello.txt', 'hello')).status, 201)
  const before = (await get(node, '/status')).json()
  t.equal(await node.stop(), 0)
  t.notOk(existsSync(node.socketPath))
  await node.start()
  await node.kill()
  t.ok(existsSync(node.socketPath), 'a killed daemon leaves its socket behind')
  await node.start()
  const after = (await get(node, '/status')).json()
  t.equal(after.peerId, before.peerId)
  t.equal(after.catalogueDigest, before.catalogueDigest)
  t.equal((await get(node, '/files/hello.txt')).body.toString(), 'hello')
  t.equal((await get(node, '/readyz')).status, 200)
})

t.test('a bad configuration ends with 78 and says where it is bad', async (t) => {
  const { node } = makeNode({ extra: 'stat_dir = "/x"' })
  await t.rejects(node.start(), { message: /ended with 78 [\s\S]*dm\.toml:2:1[\s\S]*state_dir/ })
  const missing = makeNode({ extra: '[network]\nid = "home"\npsk = "/nowhere/psk"' })
  await t.rejects(missing.node.start(), { message: /ended with 78 [\s\S]*\/nowhere\/psk/ })
})

t.test('a second daemon on one state directory ends with 75 and names the first', async (t) => {
  const { node } = makeNode()
  await node.start()
  const other = createNode({
    name: 'beta',
    peerId: '' as PeerId,
    directory: node.directory,
    configure: () => readFileSync(node.configPath, 'utf8'),
  })
  await t.rejects(other.start(), {
    message: new RegExp(`in use by the process ${node.pid}`),
  })
  t.equal((await get(node, '/readyz')).status, 200, 'the first one did not notice')
})

t.test('SIGHUP applies files and log level, and names what needs a restart', async (t) => {
  const { node, rewrite } = makeNode()
  await node.start()
  t.equal((await put(node, 'new.txt', 'new')).status, 404)
  rewrite({ files: ['hello.txt', 'new.txt'], extra: 'log_level = "debug"' })
  const applied = nextLine(node, /is in force/)
  node.signal('SIGHUP')
  t.match(await applied, { restartNeeded: [] })
  const debug = nextLine(node, /request answered/)
  t.equal((await put(node, 'new.txt', 'new')).status, 201)
  await debug

  rewrite({ whole: readFileSync(node.configPath, 'utf8').replace(/port = .*/, 'port = 1') })
  const restart = nextLine(node, /is in force/)
  node.signal('SIGHUP')
  t.match(await restart, { restartNeeded: ['http.port'] })
  t.match((await get(node, '/healthz')).json(), {
    status: 'degraded',
    warnings: [{ code: 'restart-needed', message: /http\.port/ }],
  })
})

t.test('SIGHUP with a bad configuration keeps the old one and says so', async (t) => {
  const { node, rewrite } = makeNode()
  await node.start()
  const good = readFileSync(node.configPath, 'utf8')
  for (const whole of ['= broken', good.replace('[files]', '[fils]'), `${good}"a/../b" = []\n`]) {
    rewrite({ whole })
    const kept = nextLine(node, /old one stays in force/)
    node.signal('SIGHUP')
    await kept
    t.match((await get(node, '/healthz')).json(), {
      warnings: [{ code: 'config-reload-failed', message: /dm\.toml/ }],
    })
    t.match((await put(node, 'hello.txt', 'hello')).json(), { outcome: 'stored' })
  }
  rewrite({ whole: good })
  const applied = nextLine(node, /is in force/)
  node.signal('SIGHUP')
  await applied
  t.match((await get(node, '/healthz')).json(), { status: 'ok', warnings: [] })
})

t.test('SIGHUP keeps the configuration in force when the usual file has vanished', async (t) => {
  const { node, rewrite } = makeNode({ entry: join(import.meta.dirname, 'usual-main.ts') })
  await node.start()
  t.equal((await put(node, 'hello.txt', 'hello')).status, 201)
  const text = readFileSync(node.configPath, 'utf8')
  rmSync(node.configPath)
  const kept = nextLine(node, /in force/)
  node.signal('SIGHUP')
  t.match(await kept, { msg: /stays in force/, error: { code: 'ERR_CONFIG_NOT_FOUND' } })
  t.match((await get(node, '/healthz')).json(), {
    warnings: [{ code: 'config-reload-failed', message: /dm\.toml cannot be read/ }],
  })
  t.equal((await get(node, '/files/hello.txt')).body.toString(), 'hello')
  rewrite({ whole: text })
  const applied = nextLine(node, /is in force/)
  node.signal('SIGHUP')
  t.match(await applied, { restartNeeded: [] })
})

t.test('a second signal ends it at once', async (t) => {
  const { node } = makeNode()
  await node.start()
  const { hostname, port } = new URL(node.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  // A request that never ends keeps the graceful stop waiting.
  socket.write('PUT /files/hello.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n')
  const stopping = nextLine(node, /^stopping$/)
  const pid = node.pid
  const exit = node.stop('SIGINT')
  await stopping
  process.kill(pid, 'SIGINT')
  t.equal(await exit, 130)
})

t.test('a defect stops it in good order with 70', async (t) => {
  const { node } = makeNode({ entry: join(import.meta.dirname, 'faulty-main.ts') })
  await node.start()
  const fatal = nextLine(node, /a defect of mesh/)
  const stopped = nextLine(node, /^stopped$/)
  t.equal(await node.stop('SIGUSR2'), 70)
  t.match(await fatal, { level: 60, error: { message: 'a defect' } })
  t.match(await stopped, { graceful: true })
})

t.test('tells systemd when it is ready, reloads and stops', async (t) => {
  const found = await run('systemd-notify', ['--version']).catch(() => undefined)
  const python = await run('python3', ['--version']).catch(() => undefined)
  if (found?.code !== 0 || python?.code !== 0) {
    return t.comment('skipped: systemd-notify or python3 is missing')
  }
  const path = join(root, 'notify')
  const script = [
    'import socket, sys',
    's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)',
    's.bind(sys.argv[1])',
    'print("bound", flush=True)',
    'while True:',
    '    print(" ".join(s.recv(65536).decode().split()), flush=True)',
  ].join('\n')
  const receiver = spawn('python3', ['-c', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => receiver.kill())
  let heard = ''
  receiver.stdout.on('data', (piece) => {
    heard += piece
  })
  const hears = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(heard)) await once(receiver.stdout, 'data')
  }
  await hears(/bound/)
  const { node } = makeNode({ env: { NOTIFY_SOCKET: path } })
  await node.start()
  await hears(new RegExp(`READY=1 STATUS=serving ${node.url}`))
  node.signal('SIGHUP')
  await hears(/RELOADING=1 MONOTONIC_USEC=\d+[\s\S]*READY=1/)
  t.equal(await node.stop(), 0)
  await hears(/STOPPING=1/)
  t.pass()
})

t.test('runs without any configuration, on loopback', async (t) => {
  // The ports are the default ones: on a network of its own nobody else can have them.
  const why = existsSync('/etc/mesh/dm.toml') ? 'a daemon is configured here' : whyNoNamespaces()
  if (why !== false) return t.comment(`skipped: ${why}`)
  const network = createNetwork(1)
  t.teardown(() => network.remove())
  const [program = '', ...prefix] = network.machines.flatMap((machine) => machine.prefix)
  const entry = join(import.meta.dirname, '..', 'integration', 'daemon-main.ts')
  const state = join(root, 'default')
  const child = spawn(program, [...prefix, process.execPath, entry], {
    env: { ...process.env, NODE_OPTIONS: '', STATE_DIRECTORY: state },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let log = ''
  child.stdout.on('data', (piece) => {
    log += piece
  })
  const exit = once(child, 'exit').then(([code]) => `ended with ${code}`)
  while (!log.includes('"msg":"ready"')) {
    const ended = await Promise.race([once(child.stdout, 'data'), exit])
    if (typeof ended === 'string') throw new Error(`${ended}: ${log}`)
  }
  const socket = /"socket":"([^"]+)"/.exec(log)?.[1] ?? ''
  t.match((await call(socket, 'GET', '/status')).json(), { networkId: 'local' })
  t.match(log, /http:\/\/127\.0\.0\.1:7331"/)
  t.match(log, /\/ip4\/127\.0\.0\.1\/tcp\/7946\//)
  t.notMatch(log, /0\.0\.0\.0/)
  child.kill('SIGTERM')
  t.equal(await exit, 'ended with 0')
})
