/** Nodes that fetch files block by block, over a network in memory. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
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

const isShownAt = (node: MeshNode<FilesState>, version: number, name = 'big'): boolean =>
  shownAt(node, name).startsWith(`${version} `)

const all = (mesh: Mesh<FilesState>, version: number, name = 'big') =>
  mesh.until(() => mesh.nodes.every((node) => isShownAt(node, version, name)), 10 * 60_000)

const sent = ({ sync }: MeshNode<FilesState>): number => sync.status().counts.blockBytesSent
const received = ({ sync }: MeshNode<FilesState>): number => sync.status().counts.blockBytesReceived

t.test('eight nodes that fetch at once cost the first little more than one copy', async (t) => {
  const mesh = await play(t, 8)
  const content = randomBytes(24 * MEBIBYTE)
  await upload(mesh, mesh.node(0), { name: 'big', content, listed: true })
  t.type(await all(mesh, 1), 'number')
  for (const node of mesh.nodes) t.ok(content.equals((await readShown(node, 'big')) ?? []))
  const copies = sent(mesh.node(0)) / content.length
  t.comment(`${copies.toFixed(2)} copies from the first`)
  t.ok(copies <= 1.5, `${copies} copies`)
  for (const node of mesh.nodes) t.same(node.blamed, [])
  t.same(
    mesh.nodes.map(({ sync }) => sync.transfers().receiving),
    Array(8).fill([]),
  )
})

t.test('a changed version moves only the blocks around the change', async (t) => {
  const mesh = await play(t, 2)
  const content = randomBytes(24 * MEBIBYTE)
  const [origin, reader] = [mesh.node(0), mesh.node(1)]
  await upload(mesh, origin, { name: 'big', content, listed: true })
  await all(mesh, 1)
  const before = received(reader)
  t.equal(before, content.length)
  const changed = Buffer.from(content)
  changed.set(randomBytes(MEBIBYTE), 9 * MEBIBYTE)
  await upload(mesh, origin, { name: 'big', version: 2, content: changed, listed: true })
  await all(mesh, 2)
  t.ok(changed.equals((await readShown(reader, 'big')) ?? []))
  const moved = received(reader) - before
  t.comment(`${(moved / MEBIBYTE).toFixed(1)} MiB moved`)
  t.ok(moved <= 8 * MEBIBYTE)
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
  t.ok(content.equals((await readShown(mesh.node(1), 'other')) ?? []))
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

t.test(
  'a node that comes later gets it from whoever has it, though the first is gone',
  async (t) => {
    const mesh = await play(t, 3)
    const content = randomBytes(3 * MEBIBYTE)
    await upload(mesh, mesh.node(0), { name: 'big', content, listed: true })
    await all(mesh, 1)
    const late = await createFilesMesh({ count: 1, policies: [policyOf('big')] })
    t.teardown(() => late.stop())
    t.equal(sent(mesh.node(0)) + sent(mesh.node(1)) + sent(mesh.node(2)), 2 * content.length)
  },
)
