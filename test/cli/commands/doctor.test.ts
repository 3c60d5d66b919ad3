/** `mesh doctor`: what, which, what next, with and without a daemon. */
import { once } from 'node:events'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { generatePsk, peerIdFromPublicKey, signCertificate } from '../../../src/keys/index.ts'
import { systemRandom } from '../../../src/util/index.ts'
import { answer, file, peer, serve, status, version } from '../../client/fixtures.ts'
import { shortDirectory } from '../../support/short-directory.ts'
import { keyOf, mesh, publicText, writeKey } from '../harness.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Timestamp } from '../../../src/util/index.ts'

interface Finding {
  readonly check: string
  readonly severity: string
  readonly subject: string
  readonly message: string
  readonly next: string
}

const DAY_MS = 24 * 3_600_000
const own = peerIdFromPublicKey(keyOf(1).publicKey)
const other = peerIdFromPublicKey(keyOf(2).publicKey)

/** A port that is taken for as long as the test runs. */
const listen = async (t: Test): Promise<number> => {
  const server = createServer((socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A port that nobody listens on: it was free a moment ago. */
const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const begin = async (
  t: Test,
  {
    bootstrap = [],
    endsInMs = 100 * DAY_MS,
    issuedAgoMs = DAY_MS,
  }: { bootstrap?: readonly string[]; endsInMs?: number; issuedAgoMs?: number } = {},
) => {
  const directory = shortDirectory(t)
  mkdirSync(join(directory, 'state'))
  const at = (name: string): string => join(directory, name)
  const issued = (Date.now() - issuedAgoMs) as Timestamp
  const certificate = await signCertificate(keyOf(9), {
    ...{ network: 'local', name: 'alpha', key: keyOf(1).publicKey, namespaces: [] },
    ...{ issued, expires: (Date.now() + endsInMs) as Timestamp },
  })
  writeFileSync(at('node.cert'), certificate)
  writeFileSync(at('network.psk'), generatePsk(systemRandom), { mode: 0o600 })
  const identity = writeKey(directory, 1)
  const [cluster, http] = [await freePort(), await freePort()]
  const configuration = `state_dir = "${at('state')}"
[network]
id = "local"
keys = ["${publicText(9)}"]
psk = "${at('network.psk')}"
certificate = "${at('node.cert')}"
identity_key = "${identity}"
[cluster]
listen = ["/ip4/127.0.0.1/tcp/${cluster}"]
bootstrap_peers = [${bootstrap.map((each) => `"${each}"`).join(', ')}]
[http]
listen = ["127.0.0.1"]
port = ${http}
[files]
motd = ["${publicText(3)}"]
`
  writeFileSync(at('dm.toml'), configuration)
  const run = async (...given: (string | Record<string, string>)[]) => {
    const args = given.filter((each) => typeof each === 'string')
    const env = given.find((each) => typeof each !== 'string')
    const options = ['--config', at('dm.toml'), '--json', ...args]
    const { code, stdout, stderr } = await mesh(['doctor', ...options], { env: env ?? {} })
    const body: { schema: string; ok: boolean; findings: Finding[] } = JSON.parse(stdout)
    const of = (check: string, severity?: string): Finding[] =>
      body.findings.filter(
        (each) => each.check === check && (severity === undefined || each.severity === severity),
      )
    return { code, stderr, body, of }
  }
  return { directory, at, run, cluster, http, identity, configuration }
}

t.test('a node that was never started has nothing wrong but that', async (t) => {
  const { run, at } = await begin(t)
  const { code, body, of } = await run()
  t.match(body, { schema: 'mesh-doctor/1', ok: true })
  t.equal(code, 0)
  t.match(of('daemon'), [{ severity: 'warning', message: /is not running/, next: /mesh server/ }])
  t.match(of('configuration'), [{ severity: 'ok', subject: at('dm.toml') }])
  t.match(of('keys'), [{ severity: 'ok', message: /"alpha" ends in 100 d/ }])
  t.match(of('ports', 'ok'), [{ message: /is free, for this machine only/ }, {}])
  t.match(of('bootstrap'), [{ severity: 'note', message: /no bootstrap peer/ }])
  t.match(of('clock'), [{}])
  const shown = await mesh(['doctor', '--config', at('dm.toml')])
  t.match(shown.stdout, /^daemon\n {2}warning {2}is not running.*\n {11}→ systemctl start mesh/m)
  t.match(shown.stdout, /\n1 to look at\.\n$/)
})

t.test('a configuration that is wrong is an error, with line and column', async (t) => {
  const { run, at, configuration } = await begin(t)
  writeFileSync(at('dm.toml'), configuration.replace('[http]', '[htpp]'))
  const { code, stderr, of } = await run()
  t.equal(code, 10)
  t.match(of('configuration'), [
    { severity: 'error', subject: /dm\.toml:\d+:\d+$/, message: /htpp/, next: /mesh config check/ },
  ])
  t.match(JSON.parse(stderr), { schema: 'mesh-error/1', code: 'ERR_UNWELL', exitCode: 10 })
  const missing = await mesh(['doctor', '--config', at('nothing.toml')])
  t.match(missing, { code: 10, stdout: /configuration\n {2}error .*nothing\.toml.*\n +→ name the/ })
})

t.test('keys that others can read, and files that are not there', async (t) => {
  const { run, at, identity, configuration } = await begin(t)
  chmodSync(identity, 0o644)
  const open = await run()
  t.equal(open.code, 10)
  t.match(open.of('keys', 'error'), [{ message: /open to everybody/, next: /^chmod 600 / }])
  chmodSync(identity, 0o600)
  const gone = configuration.replaceAll('node.cert', 'gone.cert').replace('network.psk', 'gone.psk')
  writeFileSync(at('dm.toml'), gone)
  const { of } = await run()
  t.match(of('keys', 'error'), [
    { subject: /gone\.psk$/, message: /does not start without/ },
    { subject: /gone\.cert$/, message: /nobody lets this node in/, next: /certificate sign/ },
  ])
})

t.test('a certificate that ends soon, has ended, or is from the future', async (t) => {
  const soon = await begin(t, { endsInMs: 3 * DAY_MS })
  t.match((await soon.run()).of('keys'), [
    { severity: 'warning', message: /ends in/, next: 'mesh certificate renew alpha' },
  ])
  const over = await begin(t, { endsInMs: -1000 })
  t.match((await over.run()).of('keys', 'error'), [{ message: /expired|ended/ }])
  const early = await begin(t, { issuedAgoMs: -2 * DAY_MS })
  t.match((await early.run()).of('keys', 'error'), [
    { message: /later than this machine's clock/, next: /timedatectl/ },
  ])
})

t.test('a state directory that is open, no directory, or held by a silent process', async (t) => {
  const { run, at, configuration } = await begin(t)
  chmodSync(at('state'), 0o777)
  const open = await run()
  t.match(open.of('state', 'error'), [{ message: /everybody may write/, next: /chmod o-w/ }])
  chmodSync(at('state'), 0o755)
  writeFileSync(at('state/lock.pid'), `${process.pid}\n`)
  t.match((await run()).of('daemon'), [
    {
      severity: 'error',
      message: new RegExp(`the process ${process.pid} holds .*does not answer`),
    },
  ])
  writeFileSync(at('dm.toml'), configuration.replace(`"${at('state')}"`, `"${at('dm.toml')}"`))
  t.match((await run()).of('state'), [{ severity: 'error', message: 'is not a directory' }])
  writeFileSync(at('dm.toml'), configuration.replace(`"${at('state')}"`, `"${at('not/yet')}"`))
  t.match((await run()).of('state'), [{ severity: 'note', message: /is not there yet/ }])
  mkdirSync(at('not'))
  t.match((await run()).of('state', 'ok'), [{ message: /free/ }])
})

t.test('a socket in whose place everybody may put another', async (t) => {
  const { run, at, configuration } = await begin(t)
  mkdirSync(at('run/inner'), { recursive: true })
  const socket = at('run/inner/mesh.sock')
  writeFileSync(at('dm.toml'), configuration.replace('[http]', `[http]\nsocket = "${socket}"`))
  const about = async () => {
    const { stdout } = await mesh(['config', 'check', at('dm.toml'), '--json'])
    const notes: string[] = JSON.parse(stdout).notes
    const { of } = await run()
    const told = of('state', 'warning').filter(({ subject }) => subject === socket)
    return { notes: notes.filter((note) => note.includes('socket of their own')), told }
  }
  t.same(await about(), { notes: [], told: [] })
  for (const [directory, mode, says] of [
    ['run/inner', 0o777, /run\/inner, and put .*mesh\.sock$/],
    ['run/inner', 0o1777, /run\/inner, and put .*mesh\.sock while the daemon is away$/],
    ['run', 0o777, /run, and put .*mesh\.sock$/],
  ] as const) {
    chmodSync(at(directory), mode)
    const { notes, told } = await about()
    t.match(told, [{ message: says, next: /^set http\.socket/ }])
    t.match(notes, [/:\d+:\d+: http\.socket: everybody may write .*set http\.socket/])
    chmodSync(at(directory), 0o755)
  }
  chmodSync(at('run'), 0o1777)
  t.same(await about(), { notes: [], told: [] }, 'nobody may move what is in it')
  const strict = await mesh(['config', 'check', '--strict', at('dm.toml')])
  t.notMatch(strict.stderr, /http\.socket/)
  chmodSync(at('run/inner'), 0o777)
  t.match(await mesh(['config', 'check', '--strict', at('dm.toml')]), {
    code: 7,
    stderr: /http\.socket: everybody may write/,
  })
})

t.test('a port that is taken', async (t) => {
  const { run, at, cluster, configuration } = await begin(t)
  const taken = await listen(t)
  writeFileSync(at('dm.toml'), configuration.replace(`tcp/${cluster}`, `tcp/${taken}`))
  const { code, of } = await run()
  t.equal(code, 10)
  t.match(of('ports', 'error'), [
    {
      subject: `cluster 127.0.0.1:${taken}`,
      message: /another program listens there/,
      next: `ss -ltnp 'sport = :${taken}'`,
    },
  ])
})

t.test('bootstrap peers: no such name, nobody there, somebody there', async (t) => {
  const [dead, alive] = [await freePort(), await listen(t)]
  const bootstrap = [
    `/dns/nothing.invalid/tcp/1/p2p/${other}`,
    `/ip4/127.0.0.1/tcp/${dead}/p2p/${other}`,
    `/ip4/127.0.0.1/tcp/${alive}/p2p/${other}`,
  ]
  const { run } = await begin(t, { bootstrap })
  const { code, of } = await run()
  t.equal(code, 10)
  t.match(of('bootstrap'), [
    { severity: 'error', message: /nothing\.invalid has no address: .*DNS/, next: /getent hosts/ },
    { severity: 'error', message: /nothing listens there/, next: /nc -vz 127\.0\.0\.1/ },
    { severity: 'ok', subject: bootstrap[2], message: 'takes a TCP connection' },
  ])
})

t.test('a daemon of another version and network, that is not well', async (t) => {
  const port = await listen(t)
  const bootstrap = [
    `/ip4/127.0.0.1/tcp/${port}/p2p/${own}`,
    `/ip4/127.0.0.1/tcp/${port}/p2p/${other}`,
  ]
  const { run } = await begin(t, { bootstrap })
  const time = new Date(Date.now() + DAY_MS).toISOString()
  const url = await serve(t, (request, response) => {
    const bodies: Record<string, unknown> = {
      '/status': { ...status, version: '0.0.9', networkId: 'fleet', peerId: own },
      '/peers': { peers: [{ ...peer, peerId: other, connected: false, lastError: 'a wrong key' }] },
      '/files': { networkId: 'fleet', files: [{ ...file, current: { ...version, time } }] },
      '/config/preview': { refused: null, restartNeeded: ['cluster.listen'], changes: [] },
    }
    request.resume()
    answer(response, 200, bodies[request.url ?? ''])
  })
  const { code, of } = await run('--url', url)
  t.equal(code, 10)
  t.match(of('daemon'), [
    { severity: 'warning', message: /is version 0\.0\.9, and this command is/ },
    { severity: 'error', message: /is in the network fleet, and .*dm\.toml says local/ },
    { severity: 'warning', subject: 'c s', message: 'm' },
    { severity: 'warning', subject: /dm\.toml$/, message: /cluster\.listen/, next: /restart/ },
  ])
  t.match(of('ports', 'error'), [{ message: /does not answer/ }, {}])
  t.match(of('bootstrap'), [
    { severity: 'note', message: /this node itself/ },
    { severity: 'warning', message: /is no peer: a wrong key/ },
  ])
  t.match(of('clock'), [
    { severity: 'warning', message: /was signed in/, next: /one clock is wrong/ },
  ])
})

t.test('a daemon alone, without a configuration, is looked at all the same', async (t) => {
  const url = await serve(t, (_, response) =>
    answer(response, 200, { version: '0.1.0', networkId: 'local', peerId: own }),
  )
  const { code, stdout } = await mesh(['doctor', '--url', url, '--config', '/nonexistent'])
  t.equal(code, 10)
  t.match(stdout, /^daemon\n {2}note {5}http.*tells over TCP neither/m)
})

t.test('asks the daemon of the configuration, whichever the environment names', async (t) => {
  const { run, at } = await begin(t)
  const url = await serve(t, (_, response) => answer(response, 200, { ...status, peerId: other }))
  const { code, of } = await run({ MESH_URL: url })
  t.equal(code, 0)
  t.match(of('daemon'), [{ severity: 'warning', message: /is not running: .*state.mesh\.sock/ }])
  const byDefault = await mesh(['doctor'], { env: { MESH_CONFIG: at('dm.toml'), MESH_URL: url } })
  t.match(byDefault.stdout, /is another node/, 'a configuration from the environment does not')
})

t.test(
  'a daemon that is another node than the configuration says nothing about this one',
  async (t) => {
    const bootstrap = [`/ip4/127.0.0.1/tcp/1/p2p/${own}`]
    const { run } = await begin(t, { bootstrap })
    const url = await serve(t, (_, response) => answer(response, 200, { ...status, peerId: other }))
    const { code, of } = await run('--url', url)
    t.equal(code, 10)
    t.match(of('daemon'), [{ severity: 'error', message: new RegExp(`another node, ${other}`) }])
    t.match(of('ports', 'ok'), [{ message: /is free/ }, { message: /is free/ }])
    t.match(of('bootstrap'), [{ severity: 'note', message: /this node itself/ }])
  },
)

t.test('a daemon without a configuration in the usual place is well', async (t) => {
  const url = await serve(t, (_, response) =>
    answer(response, 200, { version: '0.1.0', networkId: 'local', peerId: own }),
  )
  const env = { MESH_CONFIG: join(t.testdir({}), 'dm.toml') }
  const { code, stdout } = await mesh(['doctor', '--url', url], { env })
  t.equal(code, 0)
  t.match(stdout, /^ {2}note {5}.*dm\.toml: is not there, so that only the daemon was looked at$/m)
  const silent = await mesh(['doctor', '--socket', '/nonexistent/mesh.sock'], { env })
  t.match(silent, { code: 10, stderr: /^mesh: 1 error: configuration: / })
})

t.test('an interface that HTTP is served on, and one that is not there', async (t) => {
  const { run, at, configuration } = await begin(t)
  const listen = (...names: string[]) =>
    writeFileSync(at('dm.toml'), configuration.replace('["127.0.0.1"]', JSON.stringify(names)))
  listen('lo')
  const there = await run()
  t.match(there.of('ports', 'ok').slice(1), [{ subject: /^http (127|\[::1)/ }])
  t.strictSame(there.of('ports', 'error'), [])
  listen('mesh-none0')
  const { code, of } = await run()
  t.equal(code, 0, 'the daemon starts all the same')
  t.match(of('ports', 'warning'), [
    { subject: 'http mesh-none0', message: /no interface/, next: /ip address show dev mesh-none0/ },
  ])
})
