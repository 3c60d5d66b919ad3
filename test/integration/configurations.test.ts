/**
 * Machines that are configured differently, in one mesh: as a fleet always is, and all the more while
 * a change is being rolled out.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { createClient } from '../../src/client/index.ts'
import { encodeSshsig, formatPublicKey, generatePrivateKey } from '../../src/keys/index.ts'
import { STATEMENT_NAMESPACE } from '../../src/statement/index.ts'
import { systemRandom, toBase64, utf8 } from '../../src/util/index.ts'
import { sign, startCluster, until } from './cluster.ts'
import type { Test } from 'tap'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { ClusterNode } from './cluster.ts'

/** What each node wants; every two of them share `common`, and some nothing else. */
const WANTED = [
  ['common', 'left', 'rolled'],
  ['common', 'left', 'rolled'],
  ['common', 'right', 'rolled'],
  ['common', 'right', 'rolled'],
] as const
const WAIT_MS = 60_000

const newSigner = generatePrivateKey(systemRandom)
const newLine = formatPublicKey(newSigner.publicKey, 'openssh')
/** Nodes whose configuration knows the new signer from the start. */
const rolledOut = new Set([0, 1])

const cluster = await startCluster({
  count: WANTED.length,
  // Nothing but announcements and what they lead to may bring a file in time.
  config: { cluster: 'push_pull_interval = "5m"' },
  filesOf: (index, signerLine) =>
    (WANTED[index] ?? []).map((name) =>
      name === 'rolled' && rolledOut.has(index)
        ? `"${name}" = ["${signerLine}", "${newLine}"]`
        : `"${name}" = ["${signerLine}"]`,
    ),
})
t.teardown(cluster.stop)
const { nodes } = cluster
const clientOf = (node: ClusterNode) => createClient({ socketPath: node.socketPath })

const upload = async (
  node: ClusterNode,
  name: string,
  content: string,
  version: number,
  signer: PrivateKey = cluster.signer,
): Promise<void> => {
  const { text, signatures } = await sign({ ...cluster, signer }, name, content, { version })
  await clientOf(node).upload(name, {
    statement: toBase64(utf8(text)),
    signatures: signatures.map((entry) =>
      toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })),
    ),
    sizeBytes: Buffer.byteLength(content),
    chunks: Readable.from([utf8(content)]),
  })
}

const shows = (node: ClusterNode, name: string, content: string) =>
  until(`${name} at ${node.name}`, () => node.read(name) === content, WAIT_MS)

const at = (indices: Iterable<number>): ClusterNode[] =>
  [...indices].map((index) => nodes[index]).filter((node) => node !== undefined)

/** A record of `common` follows what went before on every link, so that has arrived as well. */
let marker = 0
const settle = async (): Promise<void> => {
  const version = ++marker
  for (const node of nodes) {
    const content = `marker ${version} of ${node.name}\n`
    await upload(node, 'common', content, 10 * version + nodes.indexOf(node))
    await Promise.all(nodes.map((each) => shows(each, 'common', content)))
  }
}

const blamesNobody = async (t: Test): Promise<void> => {
  for (const node of nodes) {
    const { peers } = await clientOf(node).peers()
    const found = peers.map((peer) => ({ name: peer.name, avoidedUntil: peer.avoidedUntil }))
    t.strictSame(
      found.filter((peer) => peer.avoidedUntil !== null),
      [],
      `${node.name} avoids nobody`,
    )
    const named = node.log.filter((line) => line.level >= 40 && line.component === 'sync')
    t.strictSame(named, [], `${node.name} names nobody in its log`)
  }
}

await Promise.all(
  nodes.map((node) =>
    until(
      `${node.name} to know all others`,
      async () => (await clientOf(node).peers()).peers.filter((p) => p.connected).length === 3,
      WAIT_MS,
    ),
  ),
)

t.test('each node has what it is configured for, and nothing else', async (t) => {
  const [first, , third] = nodes
  if (third === undefined) throw new Error('four nodes')
  await upload(first, 'left', 'for the left\n', 1)
  await upload(third, 'right', 'for the right\n', 1)
  await Promise.all(at([0, 1]).map((node) => shows(node, 'left', 'for the left\n')))
  await Promise.all(at([2, 3]).map((node) => shows(node, 'right', 'for the right\n')))
  await settle()
  for (const [index, node] of nodes.entries()) {
    const { files } = await clientOf(node).files()
    t.strictSame(
      files.map((file) => file.name).sort(),
      [...(WANTED[index] ?? [])].sort(),
      node.name,
    )
    const foreign = index < 2 ? 'right' : 'left'
    t.equal(node.read(foreign), undefined, `${node.name} does not show ${foreign}`)
    t.notOk(existsSync(join(node.stateDir, 'statements', foreign)), 'and keeps no statement of it')
  }
  await blamesNobody(t)
})

t.test('an upload where the name is not configured is refused and says so', async (t) => {
  await t.rejects(upload(nodes[2], 'left', 'nobody asked\n', 2), {
    code: 'ERR_FILE_NOT_CONFIGURED',
    message: /left/,
  })
})

t.test('a signer that only half of the nodes know yet costs nobody its standing', async (t) => {
  const [first, , third] = nodes
  await upload(first, 'rolled', 'by the old key\n', 1)
  await Promise.all(nodes.map((node) => shows(node, 'rolled', 'by the old key\n')))
  // More than the number of faults after which a peer is avoided.
  for (let version = 2; version <= 8; version++) {
    await upload(first, 'rolled', `by the new key, ${version}\n`, version, newSigner)
  }
  await Promise.all(at(rolledOut).map((node) => shows(node, 'rolled', 'by the new key, 8\n')))
  await settle()
  for (const node of at([2, 3])) t.equal(node.read('rolled'), 'by the old key\n', node.name)
  await t.rejects(upload(third, 'rolled', 'too early here\n', 9, newSigner), {
    code: 'ERR_FILE_SIGNER_NOT_ALLOWED',
  })
  await blamesNobody(t)

  // The other half follows.
  for (const node of at([2, 3])) {
    const config = readFileSync(node.configPath, 'utf8')
    writeFileSync(node.configPath, config.replace('"rolled" = [', `"rolled" = ["${newLine}", `))
    node.signal('SIGHUP')
  }
  await Promise.all(nodes.map((node) => shows(node, 'rolled', 'by the new key, 8\n')))
  await blamesNobody(t)
})
