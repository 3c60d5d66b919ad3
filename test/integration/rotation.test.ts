/** Files and trust change by SIGHUP, without a restart and without losing the mesh. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  formatPublicKey,
  generatePrivateKey,
  generatePsk,
  publicKeyFromPeerId,
  signCertificate,
} from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { curlHeaders, run, sign, startCluster, until } from './cluster.ts'
import { warningsOf } from './state.ts'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { ClusterNode } from './cluster.ts'

/** Of each node, once they have been changed: what it starts with. */
const psks = new Map<number, readonly string[]>()
const cluster = await startCluster({ psksOf: (index) => psks.get(index) })
t.teardown(cluster.stop)
const { nodes, directory } = cluster
let version = 0

const edit = (node: ClusterNode, change: (config: string) => string): void =>
  writeFileSync(node.configPath, change(readFileSync(node.configPath, 'utf8')))

/** Sends SIGHUP and waits until the new configuration is in force, or refused. */
const reload = async (node: ClusterNode) => {
  const from = node.log.length
  node.signal('SIGHUP')
  return node.logged(
    (line) => node.log.indexOf(line) >= from && /is in force|stays in force/.test(line.msg),
  )
}

/** Of the configuration; a busy machine may stall the daemon. */
const warnings = async (node: ClusterNode): Promise<string[]> =>
  (await warningsOf(node)).filter((code) => code !== 'event-loop-stalled')

const statusOf = async (node: ClusterNode) => {
  const { out } = await run('curl', ['-sS', '--unix-socket', node.socketPath, 'http://mesh/status'])
  return JSON.parse(out)
}

const connected = (count: number, of: readonly ClusterNode[] = nodes) =>
  Promise.all(
    of.map((node) =>
      until(
        `${node.name} to have ${count} peers`,
        async () => (await statusOf(node)).peersConnected === count,
        60_000,
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
      until(`it to reach ${node.name}`, () => node.read('hello.txt') === content, 60_000),
    ),
  )
}

const certify = async (node: ClusterNode, networkKey: PrivateKey, expires?: number) => {
  const certificate = await signCertificate(networkKey, {
    network: cluster.networkId,
    name: node.name,
    key: publicKeyFromPeerId(node.peerId),
    issued: Date.now() as Timestamp,
    expires: (expires ?? Date.now() + 90 * 86_400_000) as Timestamp,
    namespaces: [],
  })
  writeFileSync(join(node.directory, 'node.cert'), certificate)
}

t.test(
  'a file that a node comes to want arrives at once, though it was announced long ago',
  async (t) => {
    const [first, second, third] = nodes
    const add = (config: string): string =>
      config.replace(
        '[files]',
        `[files]\n"extra" = ["${readFileSync(`${cluster.signerPath}.pub`, 'utf8').trim()}"]`,
      )
    for (const node of [first, second]) {
      edit(node, add)
      await reload(node)
    }
    const path = join(directory, 'extra')
    writeFileSync(path, 'extra')
    const signed = await sign(cluster, 'extra', 'extra')
    const args = ['-sS', '--fail-with-body', '-T', path, ...curlHeaders(signed)]
    const { code, err } = await run('curl', [...args, `${first.url}/files/extra`])
    t.equal(code, 0, err)
    await until('extra at the second', () => second.read('extra') === 'extra')
    t.equal(third.read('extra'), undefined)
    edit(third, add)
    await reload(third)
    // Far sooner than the next push-pull by itself, which comes after 30 s.
    await until('extra at the third', () => third.read('extra') === 'extra', 8_000)
  },
)

t.test('the pre-shared key is changed in three rounds', async (t) => {
  await connected(2)
  const [oldPath, newPath] = [join(directory, 'psk'), join(directory, 'psk-new')]
  writeFileSync(newPath, generatePsk(systemRandom), { mode: 0o600 })
  const rounds = [[oldPath, newPath], [newPath, oldPath], [newPath]]
  const [first, second, third] = nodes
  for (const [round, paths] of rounds.entries()) {
    for (const [index, node] of nodes.entries()) {
      psks.set(index, paths)
      edit(node, (config) => config.replace(/^psk = .*$/m, `psk = ${JSON.stringify(paths)}`))
      t.match(await reload(node), { msg: /is in force/, restartNeeded: [] })
      // Nobody is stranded at any step, half the nodes with new keys included.
      await reaches(first, nodes)
      if (node !== second) continue
      // Connections outlive the change: in the middle of it one node, of either side, comes in anew.
      const again = round === 1 ? second : third
      await again.stop()
      await again.start()
      await connected(2)
      await reaches(first, nodes)
    }
    await connected(2)
  }
})

t.test('the network key is changed in three rounds', async (t) => {
  const next = generatePrivateKey(systemRandom)
  const lineOf = ({ publicKey }: PrivateKey) => `"${formatPublicKey(publicKey, 'openssh')}"`
  const old = lineOf(cluster.networkKey)
  const setKeys = (keys: string[]) => (config: string) =>
    config.replace(/^keys = .*$/m, `keys = [${keys.join(', ')}]`)
  for (const node of nodes) {
    edit(node, setKeys([old, lineOf(next)]))
    t.match(await reload(node), { msg: /is in force/ })
  }

  // A node whose own certificate would not count keeps the old configuration.
  edit(nodes[0], setKeys([lineOf(next)]))
  t.match(await reload(nodes[0]), { msg: /stays in force/ })
  t.same(await warnings(nodes[0]), ['config-reload-failed'])

  for (const node of nodes) {
    await certify(node, next)
    t.match(await reload(node), { msg: /is in force/ })
  }
  for (const node of nodes) {
    edit(node, setKeys([lineOf(next)]))
    t.match(await reload(node), { msg: /is in force/, restartNeeded: [] })
  }
  await connected(2)
  await reaches(nodes[1], nodes)
  t.same(await warnings(nodes[0]), [])
})

t.test('a node that others no longer admit is cut off at once', async (t) => {
  const other = generatePrivateKey(systemRandom)
  const [first, second, third] = nodes
  for (const node of [first, second]) {
    await certify(node, other)
    edit(node, (config) =>
      config.replace(/^keys = .*$/m, `keys = ["${formatPublicKey(other.publicKey, 'openssh')}"]`),
    )
    t.match(await reload(node), { msg: /is in force/ })
  }
  await connected(1, [first, second])
  await connected(0, [third])
  const before = third.read('hello.txt')
  await reaches(first, [first, second])
  t.equal(third.read('hello.txt'), before)
})
