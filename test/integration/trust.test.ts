/** Trust changes through the network's own files and by reload, in running daemons. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  formatPublicKey,
  generatePrivateKey,
  parseCertificate,
  peerIdFromPublicKey,
  publicKeyFromPeerId,
  signCertificate,
  writePrivateKey,
} from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { mesh as runMesh } from '../cli/harness.ts'
import { curlHeaders, run, sign, startCluster, until } from './cluster.ts'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { ClusterNode } from './cluster.ts'

/** As long as it may take on a machine that has much else to do. */
const PATIENCE_MS = 60_000
const DAY_MS = 86_400_000

const cluster = await startCluster()
t.teardown(cluster.stop)
const { nodes, directory } = cluster
const [first, second, third] = nodes
let version = 0

const writeKey = (name: string, key: PrivateKey): string => {
  const path = join(directory, name)
  writeFileSync(path, writePrivateKey(key, { format: 'openssh' }), { mode: 0o600 })
  writeFileSync(`${path}.pub`, `${formatPublicKey(key.publicKey, 'openssh')}\n`)
  return path
}
const networkKeyPath = writeKey('network.key', cluster.networkKey)

const mesh = (node: ClusterNode, ...args: string[]) =>
  runMesh([...args, '--socket', node.socketPath], { cwd: directory })

/** The same, and it has to work. */
const good = async (node: ClusterNode, ...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await mesh(node, ...args)
  if (code !== 0) throw new Error(`mesh ${args.join(' ')} ended with ${code}: ${stderr}`)
  return stdout
}

const get = async (node: ClusterNode, path: string) => {
  const { out } = await run('curl', ['-sS', '--unix-socket', node.socketPath, `http://m${path}`])
  return JSON.parse(out)
}

const healthOf = async (node: ClusterNode): Promise<string[]> =>
  (await get(node, '/status')).health.map(({ code }: { code: string }) => code)

const connected = (count: number, of: readonly ClusterNode[] = nodes) =>
  Promise.all(
    of.map((node) =>
      until(
        `${node.name} to have ${count} peers`,
        async () => (await get(node, '/status')).peersConnected === count,
        PATIENCE_MS,
      ),
    ),
  )

const reaches = async (from: ClusterNode, to: readonly ClusterNode[]): Promise<void> => {
  const content = `version ${++version}\n`
  const args = ['-sS', '--fail-with-body', '-T', '-']
  const headers = curlHeaders(await sign(cluster, 'hello.txt', content, { version }))
  const { code, out } = await run('curl', [...args, ...headers, `${from.url}/files/hello.txt`], {
    input: content,
  })
  if (code !== 0) throw new Error(out)
  await Promise.all(
    to.map((node) =>
      until(`it to reach ${node.name}`, () => node.read('hello.txt') === content, PATIENCE_MS),
    ),
  )
}

const certify = (
  node: ClusterNode,
  times: { issued: number; expires: number },
  key = cluster.networkKey,
) =>
  signCertificate(key, {
    network: cluster.networkId,
    name: node.name,
    key: publicKeyFromPeerId(node.peerId),
    issued: times.issued as Timestamp,
    expires: times.expires as Timestamp,
    namespaces: [],
  })

const edit = (node: ClusterNode, change: (config: string) => string): void =>
  writeFileSync(node.configPath, change(readFileSync(node.configPath, 'utf8')))

/** Sends SIGHUP and waits until the new configuration is in force, or refused. */
const hangUp = async (node: ClusterNode) => {
  const from = node.log.length
  node.signal('SIGHUP')
  return node.logged(
    (line) => node.log.indexOf(line) >= from && /is in force|stays in force/.test(line.msg),
    PATIENCE_MS,
  )
}

t.test(
  'the network’s own files are wanted by all, and nothing is said while there are none',
  async (t) => {
    await connected(2)
    t.same((await get(first, '/status')).trust, {
      certificates: { version: null, count: 0 },
      revoked: { version: null, count: 0 },
      heartbeat: null,
    })
    t.same(await healthOf(first), [])
    const { files } = await get(first, '/files')
    t.same(
      files.map(({ name }: { name: string }) => name),
      ['etc/motd', 'hello.txt'],
    )
    const list = await good(first, 'certificate', 'list')
    for (const { name } of nodes) t.match(list, new RegExp(`${name} .* good +(own|connected)`))
  },
)

t.test(
  'a revoked node is dropped by all, stays out over restarts, and comes back when it is taken back',
  async (t) => {
    await connected(2)
    const out = await good(
      first,
      'certificate',
      'revoke',
      third.name,
      '--network-key',
      networkKeyPath,
    )
    t.match(out, `node-2 (${third.peerId}) is revoked.`)
    t.match(out, /_mesh\/revoked version 1 stored/)
    await connected(1, [first, second])
    await connected(0, [third])

    const { peers } = await get(first, '/peers')
    const found = peers.find(({ peerId }: { peerId: string }) => peerId === third.peerId)
    t.match(found, {
      connected: false,
      name: 'node-2',
      revokedAt: /^20/,
      lastError: /was revoked at/,
    })
    t.match(await good(first, 'peers'), /node-2 .* revoked/)
    t.match(await good(second, 'certificate', 'list'), /revoked: node-2 \(12D3/)
    // It knows, from whoever it reached last or from whoever refuses it.
    await until(
      'the third to know',
      async () => {
        const codes = await healthOf(third)
        return codes.includes('certificate-revoked') || codes.includes('peer-refused-us')
      },
      PATIENCE_MS,
    )
    await reaches(first, [first, second])

    await second.stop()
    await third.stop()
    await second.start()
    await third.start()
    await connected(1, [first, second])
    const refused = await second.logged(
      ({ code }) => code === 'ERR_CERTIFICATE_REVOKED' || code === 'ERR_PEER_REFUSED',
      PATIENCE_MS,
    )
    t.ok(refused)
    t.equal((await get(third, '/status')).peersConnected, 0)

    const back = await good(
      first,
      'certificate',
      'revoke',
      third.name,
      '--undo',
      '--network-key',
      networkKeyPath,
    )
    t.match(back, /has its right again/)
    await connected(2)
    await reaches(third, nodes)
    await until(
      'the third to be well',
      async () => (await healthOf(third)).length === 0,
      PATIENCE_MS,
    )
  },
)

t.test('nobody revokes the node that is asked, or under a foreign key, by a slip', async (t) => {
  const own = await mesh(
    first,
    'certificate',
    'revoke',
    first.name,
    '--network-key',
    networkKeyPath,
  )
  t.equal(own.code, 2)
  t.match(own.stderr, /is that very node.*--force/s)
  const foreign = writeKey('foreign.key', generatePrivateKey(systemRandom))
  const other = await mesh(first, 'certificate', 'revoke', third.peerId, '--network-key', foreign)
  t.not(other.code, 0)
  t.match(other.stderr, /--network-public-key/)
  t.equal((await get(first, '/status')).trust.revoked.count, 0)
})

t.test(
  'a node that was away beyond the end of its certificate is let in by a renewed one and takes it up',
  async (t) => {
    await third.stop()
    const now = Date.now()
    const expired = await certify(third, { issued: now - 90 * DAY_MS, expires: now - DAY_MS })
    writeFileSync(join(third.directory, 'node.cert'), expired)
    const out = await good(
      first,
      ...['certificate', 'renew', join(third.directory, 'node.cert')],
      ...['--expires', '30d', '--network-key', networkKeyPath],
    )
    t.match(out, /_mesh\/certificates version 1 stored/)
    await until(
      'the list',
      async () => (await get(second, '/status')).trust.certificates.count === 1,
      PATIENCE_MS,
    )

    await third.start()
    await connected(2)
    await until(
      'the third to show the new one',
      async () =>
        Date.parse((await get(third, '/status')).certificate?.expires ?? '') > now + 29 * DAY_MS,
      PATIENCE_MS,
    )
    t.notMatch(await healthOf(third), ['certificate-expired'])

    // Kept: it is shown again after a restart, before anything has arrived.
    await third.stop()
    await third.start()
    const { certificate } = await get(third, '/status')
    t.ok(Date.parse(certificate.expires) > now + 29 * DAY_MS)
    await connected(2)
    await reaches(third, nodes)
  },
)

t.test(
  'a node whose certificate is renewed by the mesh keeps its place beyond the end of the old one',
  { skip: process.env.MESH_TEST_TIER === 'soak' ? false : 'takes half a minute: soak' },
  async (t) => {
    await connected(2)
    const endsAt = Date.now() + 25_000
    writeFileSync(
      join(second.directory, 'node.cert'),
      await certify(second, { issued: Date.now() - DAY_MS, expires: endsAt }),
    )
    t.match(await hangUp(second), { msg: /is in force/ })
    // Shown to the others from the next connection on.
    await second.stop()
    await second.start()
    await connected(2)
    t.match(await healthOf(second), ['certificate-expires-soon'])
    const out = await good(
      first,
      ...['certificate', 'renew', '--within', '1h', '--expires', '30d'],
      ...['--network-key', networkKeyPath],
    )
    t.match(out, /^node-1 /)
    await until(
      'the second to take it up',
      async () => !(await healthOf(second)).includes('certificate-expires-soon'),
      PATIENCE_MS,
    )
    const since = new Map<string, string>()
    for (const node of nodes) {
      const { peers } = await get(node, '/peers')
      for (const { peerId, connectedAt } of peers) since.set(`${node.name} ${peerId}`, connectedAt)
    }
    await until('the end of the old one', () => Date.now() > endsAt + 3_000, PATIENCE_MS)
    for (const node of nodes) {
      const { peers } = await get(node, '/peers')
      for (const { peerId, connected, connectedAt } of peers) {
        t.equal(connected, true)
        t.equal(connectedAt, since.get(`${node.name} ${peerId}`), 'never interrupted')
      }
    }
  },
)

t.test('who hears no heartbeat any more says that it is stale, and goes on serving', async (t) => {
  const beat = (expires: string) =>
    mesh(first, 'network', 'heartbeat', '--expires', expires, '--network-key', networkKeyPath)
  // One that has ended before it is there is refused; a slow machine needs a longer one.
  for (const expires of ['3s', '12s', '40s']) {
    const { code, stdout } = await beat(expires)
    if (code !== 0) continue
    t.match(stdout, /_mesh\/heartbeat version 1 stored/)
    break
  }
  await Promise.all(
    nodes.map((node) =>
      until(
        `${node.name} to be stale`,
        async () => (await healthOf(node)).includes('stale'),
        120_000,
      ),
    ),
  )
  const { code, out } = await run('curl', ['-sS', '-w', '%{http_code}', `${second.url}/healthz`])
  t.equal(code, 0)
  t.match(out, /"status":"degraded".*"code":"stale".*200$/s)
  t.match(await good(second, 'status'), /stale.*\n.*this node is stale: its last heartbeat/)
  t.match((await get(second, '/status')).trust.heartbeat, { version: 1, stale: true })
  await reaches(second, nodes)

  t.equal((await beat('1h')).code, 0)
  await Promise.all(
    nodes.map((node) =>
      until(
        `${node.name} to be well`,
        async () => !(await healthOf(node)).includes('stale'),
        PATIENCE_MS,
      ),
    ),
  )
  t.match((await get(third, '/status')).trust.heartbeat, { version: 2, stale: false })
})

t.test('what a reload would take away is said beforehand, and resigning saves it', async (t) => {
  const other = generatePrivateKey(systemRandom)
  const otherPath = writeKey('other', other)
  const lineOf = (path: string): string => readFileSync(`${path}.pub`, 'utf8').trim()
  const allow = (keys: readonly string[]) => (config: string) =>
    config.replace(
      /^"etc\/motd" = .*$/m,
      `"etc/motd" = [${keys.map((path) => `"${lineOf(path)}"`).join(', ')}]`,
    )
  const check = () => mesh(first, 'config', 'check', first.configPath, '--running')
  const both = [cluster.signerPath, otherPath]
  for (const node of nodes) {
    edit(node, allow(both))
    t.match(await hangUp(node), { msg: /is in force/ })
  }
  const path = join(directory, 'motd')
  for (const [text, key] of [
    ['one', cluster.signerPath],
    ['two', otherPath],
  ] as const) {
    writeFileSync(path, text)
    await good(first, 'file', 'update', path, '--name', 'etc/motd', '--key', key)
  }
  await until('the second version', () => third.read('etc/motd') === 'two', PATIENCE_MS)

  edit(first, allow([cluster.signerPath]))
  const lost = await check()
  t.equal(lost.code, 9, lost.stderr)
  t.match(
    lost.stdout,
    /etc\/motd falls back from version 2 to version 1: …\S+ may not sign it any more/,
  )
  t.match(lost.stderr, /ERR_CONFIG_LOSES/)
  t.equal(first.read('etc/motd'), 'two', 'nothing has changed by asking')
  t.match(await hangUp(first), { msg: /is in force/ })
  await until('the first version', () => first.read('etc/motd') !== 'two', PATIENCE_MS)
  const { health, files } = await get(first, '/status')
  t.match(health, [
    { code: 'file-fell-back', subject: 'etc/motd', message: /version 2, .*allowed/s },
  ])
  t.ok(files)

  edit(first, allow(both))
  const gain = await check()
  t.equal(gain.code, 0, gain.stderr)
  t.match(gain.stdout, /etc\/motd goes from version 1 to version 2/)
  t.match(await hangUp(first), { msg: /is in force/ })
  await until('the second version again', () => first.read('etc/motd') === 'two', PATIENCE_MS)

  const signed = await good(
    first,
    ...['file', 'resign', '--all', '--signed-by', `${otherPath}.pub`, '--key', cluster.signerPath],
  )
  t.match(signed, 'etc/motd version 2 signed')
  edit(first, allow([cluster.signerPath]))
  const kept = await check()
  t.equal(kept.code, 0, kept.stderr)
  t.match(kept.stdout, /etc\/motd stays at version 2 under other rules/)
  t.match(await hangUp(first), { msg: /is in force/ })
  t.equal(first.read('etc/motd'), 'two')
  t.notMatch(await healthOf(first), ['file-fell-back'])

  // The signature travels: the others lose nothing either.
  for (const node of [second, third]) {
    await until(
      `${node.name} to have both signatures`,
      async () => (await get(node, '/history/etc/motd')).versions[0].signers.length === 2,
      PATIENCE_MS,
    )
    edit(node, allow([cluster.signerPath]))
    t.match(await hangUp(node), { msg: /is in force/ })
    t.equal(node.read('etc/motd'), 'two')
  }
})

t.test(
  'the network key is changed by the mesh alone: no certificate file is touched',
  async (t) => {
    await connected(2)
    const next = generatePrivateKey(systemRandom)
    const nextPath = writeKey('network-2.key', next)
    const lineOf = ({ publicKey }: PrivateKey) => `"${formatPublicKey(publicKey, 'openssh')}"`
    const setKeys = (keys: PrivateKey[]) => (config: string) =>
      config.replace(/^keys = .*$/m, `keys = [${keys.map(lineOf).join(', ')}]`)
    for (const node of nodes) {
      edit(node, setKeys([cluster.networkKey, next]))
      t.match(await hangUp(node), { msg: /is in force/ })
      await reaches(first, nodes)
    }
    const gone = peerIdFromPublicKey(generatePrivateKey(systemRandom).publicKey)
    await good(first, 'certificate', 'revoke', gone, '--network-key', networkKeyPath)
    await until(
      'the revocation at the second',
      async () => (await get(second, '/status')).trust.revoked.count === 1,
      PATIENCE_MS,
    )
    const out = await good(
      second,
      ...['certificate', 'renew', '--within', '1000d', '--network-key', nextPath],
      ...['--network-public-key', `${networkKeyPath}.pub`],
    )
    t.match(out, /with 3 certificates/)
    t.equal((await get(first, '/status')).trust.revoked.count, 1, 'who was revoked stays it')
    for (const node of nodes) {
      await until(
        `${node.name} to have the revocations signed again`,
        async () => (await get(node, '/status')).trust.revoked.version === 4,
        PATIENCE_MS,
      )
      await until(
        `${node.name} to show the new certificate`,
        async () => {
          const { certificates } = await get(node, '/certificates')
          const own = certificates.find(({ sources }: { sources: string[] }) =>
            sources.includes('own'),
          )
          return parseCertificate(own.text).signer === next.publicKey
        },
        PATIENCE_MS,
      )
    }
    for (const node of nodes) {
      edit(node, setKeys([next]))
      t.match(await hangUp(node), { msg: /is in force/, restartNeeded: [] })
      await reaches(first, nodes)
    }
    for (const node of nodes) {
      t.equal((await get(node, '/status')).trust.revoked.count, 1, `${node.name} kept it`)
    }
    t.same(
      (await healthOf(first)).filter((code) => code.startsWith('certificate')),
      [],
    )
  },
)
