/** Nodes that fetch files block by block, over a network in memory. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createChunker } from '../../../src/chunk/index.ts'
import { createFilesMesh, policyOf, readShown, shownAt, upload } from '../../support/files-mesh.ts'
import { allPairs } from '../../support/mesh.ts'
import type { Test } from 'tap'
import type { FilesState } from '../../support/files-mesh.ts'
import type { Mesh, MeshNode } from '../../support/mesh.ts'

const MEBIBYTE = 2 ** 20

const play = async (t: Test, count: number, init: { latencyMs?: number } = {}) => {
  const mesh = await createFilesMesh({
    count,
    network: { latencyMs: init.latencyMs ?? 5, jitterMs: 2 },
    policies: [policyOf('big'), policyOf('other')],
  })
  t.teardown(() => mesh.stop())
  await mesh.link(allPairs(count))
  await mesh.clock.advance(1_000)
  return mesh
}

const isExactly = async (node: MeshNode<FilesState>, name: string, content: Uint8Array) =>
  Buffer.from((await readShown(node, name)) ?? new Uint8Array()).equals(content)

const isShownAt = (node: MeshNode<FilesState>, version: number, name = 'big'): boolean =>
  shownAt(node, name).startsWith(`${version} `)

const all = (mesh: Mesh<FilesState>, version: number, name = 'big') =>
  mesh.until(() => mesh.nodes.every((node) => isShownAt(node, version, name)), 10 * 60_000)

const sent = ({ sync }: MeshNode<FilesState>): number => sync.status().counts.blockBytesSent
const received = ({ sync }: MeshNode<FilesState>): number => sync.status().counts.blockBytesReceived

t.test('eight nodes that fetch at once cost the first little more than one copy', async (t) => {
  const mesh = await play(t, 8)
  const content = randomBytes(12 * MEBIBYTE)
  await upload(mesh, mesh.node(0), { name: 'big', content, listed: true })
  t.type(await all(mesh, 1), 'number')
  for (const node of mesh.nodes) t.ok(await isExactly(node, 'big', content))
  const copies = sent(mesh.node(0)) / content.length
  t.comment(`${copies.toFixed(2)} copies from the first`)
  t.ok(copies <= 1.5, `${copies} copies`)
  for (const node of mesh.nodes) t.same(node.blamed, [])
  t.same(
    mesh.nodes.map(({ sync }) => sync.transfers().receiving),
    Array(8).fill([]),
  )
})

const blocksOf = (content: Uint8Array) => {
  const chunker = createChunker()
  chunker.update(content)
  return chunker.end().list.blocks
}

/** Bytes of the blocks that only the later one of two contents has. */
const newBytes = (before: Uint8Array, after: Uint8Array): number => {
  const known = new Set(blocksOf(before).map(({ digest }) => digest))
  return blocksOf(after)
    .filter(({ digest }) => !known.has(digest))
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

t.test('a changed version moves only the blocks around the change', async (t) => {
  const mesh = await play(t, 2)
  const content = randomBytes(12 * MEBIBYTE)
  const [origin, reader] = [mesh.node(0), mesh.node(1)]
  await upload(mesh, origin, { name: 'big', content, listed: true })
  await all(mesh, 1)
  const before = received(reader)
  t.equal(before, content.length)
  const changed = Buffer.from(content)
  changed.set(randomBytes(MEBIBYTE), 5 * MEBIBYTE)
  await upload(mesh, origin, { name: 'big', version: 2, content: changed, listed: true })
  await all(mesh, 2)
  t.ok(await isExactly(reader, 'big', changed))
  const moved = received(reader) - before
  t.comment(`${(moved / MEBIBYTE).toFixed(1)} MiB moved`)
  t.equal(moved, newBytes(content, changed), 'the blocks that the old version has not')
  t.ok(moved < content.length)
})

t.test('content that is here under another name is not fetched', async (t) => {
  const mesh = await play(t, 2)
  const content = randomBytes(3 * MEBIBYTE)
  await upload(mesh, mesh.node(0), { name: 'big', content, listed: true })
  await all(mesh, 1)
  const before = received(mesh.node(1))
  await upload(mesh, mesh.node(0), { name: 'other', content, listed: true })
  await all(mesh, 1, 'other')
  t.equal(received(mesh.node(1)), before)
  t.ok(await isExactly(mesh.node(1), 'other', content))
})

t.test('what moves is told: who gives how much, and to whom', async (t) => {
  const mesh = await play(t, 2)
  const content = randomBytes(8 * MEBIBYTE)
  await upload(mesh, mesh.node(0), { name: 'big', content, listed: true })
  const [origin, reader] = [mesh.node(0), mesh.node(1)]
  const begun = await mesh.until(() => (reader.sync.transfers().receiving[0]?.doneBytes ?? 0) > 0)
  t.type(begun, 'number')
  const [transfer] = reader.sync.transfers().receiving
  t.match(transfer, {
    ...{ collection: 'files', name: 'big', state: 'fetching', ofBytes: content.length },
    holders: [{ peer: origin.peerId }],
  })
  t.match(origin.sync.transfers().sending, [{ name: 'big', peer: reader.peerId }])
  await all(mesh, 1)
  t.same(reader.sync.transfers(), { receiving: [], sending: [] })
})

t.test('who comes later gets it from the others, though the first is gone', async (t) => {
  const mesh = await createFilesMesh({ count: 4, policies: [policyOf('big')] })
  t.teardown(() => mesh.stop())
  await mesh.link(allPairs(3))
  await mesh.clock.advance(1_000)
  const content = randomBytes(6 * MEBIBYTE)
  await upload(mesh, mesh.node(0), { name: 'big', content, listed: true })
  const [first, ...others] = mesh.nodes.slice(0, 3)
  await mesh.until(() => others.every((node) => isShownAt(node, 1)))
  const before = sent(mesh.node(0))
  if (first !== undefined) mesh.network.kill(first.peerId, {})
  await mesh.link([
    [3, 1],
    [3, 2],
  ])
  t.type(await mesh.until(() => isShownAt(mesh.node(3), 1)), 'number')
  t.equal(sent(mesh.node(0)), before)
  for (const node of others) t.ok(sent(node) > 0, 'both gave something')
})
