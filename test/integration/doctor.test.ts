/** `mesh doctor`, `mesh peers` and `mesh certificate show` against running daemons. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { formatPublicKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { mesh as runMesh } from '../cli/harness.ts'
import { run, startCluster, until } from './cluster.ts'
import type { RunOptions } from '../cli/harness.ts'
import type { ClusterNode } from './cluster.ts'

interface Finding {
  readonly check: string
  readonly severity: string
  readonly subject: string
  readonly message: string
  readonly next: string
}

const cluster = await startCluster()
t.teardown(cluster.stop)
const { nodes, directory } = cluster
const [first, second, third] = nodes

const mesh = (node: ClusterNode, ...args: string[]) =>
  runMesh([...args, '--socket', node.socketPath], { cwd: directory })

/** The configuration of a node, changed behind its daemon's back. */
const changed = (node: ClusterNode, change: (text: string) => string): string => {
  const path = join(node.directory, 'doctor.toml')
  writeFileSync(path, change(readFileSync(node.configPath, 'utf8')))
  return path
}

const doctor = async (path: string, options: RunOptions = {}) => {
  const told = await runMesh(['doctor', '--config', path, '--json'], options)
  const { findings }: { findings: Finding[] } = JSON.parse(told.stdout)
  const shown = await runMesh(['doctor', '--config', path], options)
  return {
    code: told.code,
    text: shown.stdout,
    bad: findings.filter(
      // How busy the machine is that runs the tests is none of their matters.
      ({ severity, subject }) =>
        ['error', 'warning'].includes(severity) && subject !== 'event-loop-stalled',
    ),
    of: (check: string) => findings.filter((each) => each.check === check),
  }
}

/** Paths that stand twice in one line of what is shown. */
const repeated = (text: string): string[] =>
  text.split('\n').filter((line) => {
    const paths = line.match(/\/[^\s:;,"]+/g) ?? []
    return new Set(paths).size < paths.length
  })

const bootstrapOf =
  (address: string) =>
  (text: string): string =>
    text.replace(/bootstrap_peers = \[.*\]/, `bootstrap_peers = ["${address}"]`)

t.test('doctor has nothing against ports that the system chooses', async (t) => {
  const { code, of } = await doctor(first.configPath)
  t.equal(code, 0)
  t.match(of('ports'), [
    { severity: 'note', message: /the system chooses/, next: /mesh status/ },
    { severity: 'note', message: /the system chooses/ },
  ])
})

t.test('doctor finds nothing wrong in any of three daemons that are well', async (t) => {
  // From their second start on, the ports that they have stand in their configurations.
  for (const node of nodes) {
    await node.stop()
    await node.start()
  }
  for (const node of nodes) {
    await until(`${node.name} to know both others`, async () =>
      (await mesh(node, 'status')).stdout.includes('2 connected'),
    )
    const { code, bad, of, text } = await doctor(node.configPath)
    t.equal(code, 0)
    t.same(bad, [], `of ${node.name}`)
    t.match(of('ports'), [
      { severity: 'ok', message: /is listened on/ },
      { severity: 'ok', message: /is listened on/ },
    ])
    if (node !== first) t.match(of('bootstrap'), [{ severity: 'ok', message: 'is connected' }])
    t.same(repeated(text), [])
  }
})

t.test('doctor names what keeps a running daemon from a bootstrap peer', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const address = closed.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  closed.close()
  await once(closed, 'close')
  const stranger = peerIdFromPublicKey(cluster.networkKey.publicKey)
  for (const [where, message] of [
    [`/dns/nothing.invalid/tcp/7946/p2p/${stranger}`, /nothing\.invalid has no address/],
    [`/ip4/127.0.0.1/tcp/${port}/p2p/${stranger}`, /cannot be reached: nothing listens there/],
  ] as const) {
    const path = changed(second, bootstrapOf(where))
    const { code, of, bad } = await doctor(path)
    t.equal(code, 10)
    t.match(of('bootstrap'), [{ severity: 'error', subject: where, message }])
    t.ok(
      bad.some(({ message }) => message.includes('cluster.bootstrap_peers')),
      'and that the daemon runs with another configuration',
    )
  }
})

t.test('doctor finds keys and a state directory that are open to others', async (t) => {
  const key = join(second.directory, 'identity.key')
  chmodSync(key, 0o644)
  chmodSync(second.stateDir, 0o777)
  const { code, of, text } = await doctor(second.configPath)
  chmodSync(key, 0o600)
  chmodSync(second.stateDir, 0o755)
  t.equal(code, 10)
  t.match(of('keys')[0], {
    ...{ severity: 'error', subject: 'network.identity_key', next: `chmod 600 ${key}` },
    message: `${key} is open to everybody (mode 0644)`,
  })
  t.match(of('state')[0], { severity: 'error', next: /^chmod o-w / })
  t.same(repeated(text), [])
})

t.test('a configuration that is not there is named once', async (t) => {
  const { stdout, stderr } = await runMesh(['doctor', '--config', '/nonexistent.toml'])
  t.match(stdout, /error {4}the configuration \/nonexistent\.toml cannot be read/)
  t.same(repeated(stdout), [])
  t.equal(stderr.split('/nonexistent.toml').length, 2)
})

t.test('doctor on a machine whose clock is a day behind', async (t) => {
  writeFileSync(join(directory, 'hello.txt'), 'hello')
  const update = ['file', 'update', 'hello.txt', '--key', cluster.signerPath]
  t.match(await mesh(first, ...update), { code: 0 })
  await until('the file', () => second.read('hello.txt') === 'hello')
  const behind = 'const now=Date.now;Date.now=()=>now()-864e5'
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(behind)}` }
  const { of } = await doctor(second.configPath, { env })
  t.match(of('clock'), [
    { severity: 'warning', message: /version 1 of hello\.txt was signed in/, next: /one clock is/ },
  ])
  t.match(of('keys'), [{ severity: 'error', message: /later than this machine's clock/ }])
})

t.test('certificate show says what ssh-keygen says, and why a daemon trusts it', async (t) => {
  const shown = await mesh(first, 'certificate', 'show', 'node-1')
  const issuer = formatPublicKey(cluster.networkKey.publicKey, 'openssh')
  t.match(shown.stdout, new RegExp(`^name +node-1\\n.*\\npeer id +${second.peerId}\\n`, 's'))
  t.ok(shown.stdout.replace(/\s+/g, ' ').includes(`signed by ${issuer}`))
  t.match(shown.stdout.replace(/\s+/g, ' '), /known of a connected peer trusted yes: signed by/)
  const path = join(second.directory, 'node.cert')
  const args = ['certificate', 'show', path, '--json']
  const { certificates } = JSON.parse((await mesh(first, ...args)).stdout)
  t.match(certificates, [
    {
      ...{ name: 'node-1', network: cluster.networkId, peerId: second.peerId, namespaces: [] },
      ...{ expired: false, signer: issuer, signatureGood: true, trusted: true },
      sources: ['connected'],
    },
  ])
  const [text = '', rest = ''] = readFileSync(path, 'utf8').split(/(?=-----BEGIN)/)
  writeFileSync(join(directory, 'cert.sig'), rest)
  writeFileSync(join(directory, 'signers'), `network ${certificates[0].signer}\n`)
  const verify = ['-Y', 'verify', '-f', 'signers', '-I', 'network', '-n', 'mesh-certificate']
  const judged = await run('ssh-keygen', [...verify, '-s', 'cert.sig'], {
    ...{ cwd: directory, input: text },
  })
  t.match(judged, { code: 0, out: /Good "mesh-certificate" signature for network/ })
  for (const field of ['name', 'network', 'issued', 'expires']) {
    t.ok(text.includes(`\n${field} ${certificates[0][field]}\n`), field)
  }
})

t.test('certificate show says why a daemon does not trust one', async (t) => {
  const path = join(directory, 'other.cert')
  const key = join(directory, 'other.key')
  await runMesh(['generate', 'network-key', '--output', key])
  const sign = ['certificate', 'sign', '--network-key', key, '--name', 'other', '--expires', '1d']
  await runMesh([...sign, '--network', cluster.networkId, '--key', third.peerId, '-o', path])
  const other = (await mesh(first, 'certificate', 'show', path)).stdout.replace(/\s+/g, ' ')
  t.match(other, /signature good known no trusted no: .*not a key of the network/)
  writeFileSync(path, readFileSync(path, 'utf8').replace('name other', 'name admin'))
  const changed = (await mesh(first, 'certificate', 'show', path)).stdout.replace(/\s+/g, ' ')
  t.match(changed, /signature wrong: it was changed after signing/)
  const nobody = ['certificate', 'show', path, '--socket', join(directory, 'nobody.sock')]
  t.match(await runMesh(nobody), { code: 0, stdout: /trusted +not known: no answer from/ })
  t.match(await mesh(first, 'certificate', 'show', 'node-9'), {
    ...{ code: 2, stderr: /neither a file node-9 nor a certificate of that name/ },
  })
})

t.test('of a peer that is away nobody says that it is in step', async (t) => {
  const rowOf = async (): Promise<string> =>
    (await mesh(first, 'peers')).stdout.split('\n').find((line) => line.startsWith('node-2')) ?? ''
  await until(
    'a round with it',
    async () => /connected|neighbour/.test(await rowOf()) && /in step|in, /.test(await rowOf()),
  )
  await third.stop()
  await until('it to be away', async () => (await rowOf()).includes('away'))
  t.match(await rowOf(), /away +unknown \d/)
  const status = await mesh(first, 'status')
  t.match(status.stdout, /node-2 .* away +unknown \d/)
  const { of } = await doctor(changed(first, bootstrapOf(third.address)))
  t.match(of('bootstrap'), [{ severity: 'error', message: /cannot be reached: nothing listens/ }])
})
