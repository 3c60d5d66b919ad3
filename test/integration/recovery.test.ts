/** Three daemon processes that lose power, stay away, and are cut off from each other. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createClient } from '../../src/client/index.ts'
import { encodeSshsig } from '../../src/keys/index.ts'
import { STATEMENT_NAMESPACE } from '../../src/statement/index.ts'
import { toBase64, utf8 } from '../../src/util/index.ts'
import { createNetwork, whyNoNamespaces } from '../support/namespaces.ts'
import { sign, startCluster, until } from './cluster.ts'
import { PATIENCE_MS } from './state.ts'
import type { Test } from 'tap'
import type { Cluster, ClusterNode } from './cluster.ts'

const FILES = ['a', 'b', 'large.bin']
const SOAK = process.env.MESH_TEST_TIER === 'soak'
const KILLS = SOAK ? 200 : 8
/** Long enough that some uploads are acknowledged before the power goes. */
const MAX_DELAY_MS = 600
const LARGE_BYTES = 8 * 2 ** 20
const PIECE_BYTES = 2 ** 16

t.setTimeout((SOAK ? 60 : 10) * 60_000)

const clientOf = (node: ClusterNode) => createClient({ socketPath: node.socketPath })

/** Calls back before each piece with the bytes handed out so far. */
async function* inPieces(
  content: Buffer,
  onPiece: (sentBytes: number) => void = () => {},
): AsyncIterable<Uint8Array> {
  for (let at = 0; at < content.length; at += PIECE_BYTES) {
    onPiece(at)
    yield content.subarray(at, at + PIECE_BYTES)
  }
}

/** Signs and uploads one version; resolves when it was acknowledged. */
const upload = async (
  cluster: Cluster,
  node: ClusterNode,
  name: string,
  version: number,
  content: Buffer,
  onPiece?: (sentBytes: number) => void,
): Promise<void> => {
  const { text, signatures } = await sign(cluster, name, content, { version })
  await clientOf(node).upload(name, {
    statement: toBase64(utf8(text)),
    signatures: signatures.map((entry) =>
      toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })),
    ),
    sizeBytes: content.length,
    chunks: inPieces(content, onPiece),
  })
}

const catalogueOf = async (node: ClusterNode): Promise<string | undefined> => {
  const status = await clientOf(node).status()
  return 'catalogueDigest' in status ? status.catalogueDigest : undefined
}

/** Waits until all nodes have the same catalogue, and the same bytes under each name. */
const agree = async (t: Test, cluster: Cluster, expected: Readonly<Record<string, Buffer>>) => {
  await until(
    'the same catalogue everywhere',
    async () => new Set(await Promise.all(cluster.nodes.map(catalogueOf))).size === 1,
    PATIENCE_MS,
  )
  for (const node of cluster.nodes) {
    for (const [name, content] of Object.entries(expected)) {
      await until(
        `${name} at ${node.name}`,
        () => node.readBytes(name)?.equals(content) ?? false,
        PATIENCE_MS,
      )
    }
  }
  t.pass('equal catalogues and byte-identical files')
}

const withCluster = async (
  t: Test,
  init: Parameters<typeof startCluster>[0] = {},
): Promise<Cluster> => {
  const cluster = await startCluster({ files: FILES, ...init })
  t.teardown(cluster.stop)
  return cluster
}

t.test('kill -9 during uploads loses nothing that was acknowledged', async (t) => {
  const cluster = await withCluster(t)
  const [first] = cluster.nodes
  const acknowledged = { version: 0, content: Buffer.alloc(0) }
  let interrupted = 0
  let kills = 0
  let checks = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const content = randomBytes(LARGE_BYTES)
    const version = acknowledged.version + 1
    const moment = Promise.withResolvers<void>()
    // Every other time in the middle of the body, else at any time until well after it.
    const lastBytes = LARGE_BYTES - PIECE_BYTES
    const atBytes = kill % 2 === 0 ? Math.random() * lastBytes : Number.POSITIVE_INFINITY
    if (kill % 2 === 1) setTimeout(moment.resolve, Math.random() * MAX_DELAY_MS)
    const uploading = upload(cluster, first, 'large.bin', version, content, (sentBytes) => {
      if (sentBytes >= atBytes) moment.resolve()
    }).then(
      () => Object.assign(acknowledged, { version, content }),
      () => {
        interrupted++
        moment.resolve()
      },
    )
    await moment.promise
    if (await first.kill()) kills++
    await uploading
    await first.start()
    const shown = first.readBytes('large.bin')
    const { files } = await clientOf(first).files({ name: 'large.bin' })
    const current = files[0]?.current?.version ?? 0
    t.ok(current === acknowledged.version || current === version, `version ${current} is whole`)
    if (current === version && shown !== undefined)
      Object.assign(acknowledged, { version, content })
    if (acknowledged.version > 0) t.ok(shown?.equals(acknowledged.content), 'byte for byte')
    else t.equal(shown, undefined)
    checks++
  }
  t.same(
    { kills, checks },
    { kills: KILLS, checks: KILLS },
    `${kills} kills, ${interrupted} of them during an upload: 0 acknowledged lost, 0 unverified shown`,
  )
  t.ok(interrupted > 0, 'at least one upload was interrupted')
  const last = randomBytes(LARGE_BYTES)
  await upload(cluster, first, 'large.bin', acknowledged.version + 1, last)
  await agree(t, cluster, { 'large.bin': last })
})

t.test('a node that was away for ten versions catches up', async (t) => {
  const cluster = await withCluster(t)
  const [first, second, third] = cluster.nodes
  await upload(cluster, first, 'a', 1, Buffer.from('version 1'))
  await agree(t, cluster, { a: Buffer.from('version 1') })
  await third.stop()
  for (let version = 2; version <= 11; version++) {
    const node = version % 2 === 0 ? first : second
    await until(
      `version ${version - 1} at ${node.name}`,
      async () =>
        (await clientOf(node).files({ name: 'a' })).files[0]?.current?.version === version - 1,
    )
    await upload(cluster, node, 'a', version, Buffer.from(`version ${version}`))
  }
  await upload(cluster, first, 'large.bin', 1, Buffer.alloc(LARGE_BYTES, 7))
  t.equal(third.read('a'), 'version 1', 'it still shows what it had')
  await third.start()
  await agree(t, cluster, {
    a: Buffer.from('version 11'),
    'large.bin': Buffer.alloc(LARGE_BYTES, 7),
  })
})

t.test('a partition with uploads on both sides heals', { skip: whyNoNamespaces() }, async (t) => {
  const network = createNetwork(3)
  t.teardown(network.remove)
  const cluster = await withCluster(t, {
    machines: network.machines,
    config: { cluster: 'push_pull_interval = "2s"' },
  })
  const [first, second, third] = cluster.nodes
  await upload(cluster, first, 'a', 1, Buffer.from('before'))
  await agree(t, cluster, { a: Buffer.from('before') })

  network.partition([[0], [1, 2]])
  await upload(cluster, first, 'a', 2, Buffer.from('alone'))
  await upload(cluster, second, 'a', 2, Buffer.from('together'))
  await upload(cluster, second, 'a', 3, Buffer.from('together again'))
  await upload(cluster, first, 'b', 1, Buffer.from('only here so far'))
  await upload(cluster, third, 'large.bin', 1, Buffer.alloc(LARGE_BYTES, 9))
  await until('the two to agree', () => third.read('a') === 'together again')
  t.equal(first.read('a'), 'alone')
  t.equal(first.read('large.bin'), undefined)
  t.equal(second.read('b'), undefined)

  network.partition([[0, 1, 2]])
  await agree(t, cluster, {
    a: Buffer.from('together again'),
    b: Buffer.from('only here so far'),
    'large.bin': Buffer.alloc(LARGE_BYTES, 9),
  })
})
