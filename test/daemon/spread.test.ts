import t from 'tap'
import { createSpread } from '../../src/daemon/spread.ts'
import { parseFileName } from '../../src/statement/index.ts'
import { createFilesMesh, policyOf, signers, upload } from '../support/files-mesh.ts'
import { allPairs } from '../support/mesh.ts'
import type { FilesState } from '../support/files-mesh.ts'
import type { Mesh, MeshNode } from '../support/mesh.ts'
import type { PeerStatus } from '../../src/transport/index.ts'

const names = ['a', 'b']

/** Three nodes; the third one does not know anna, and wants no b. */
const startMesh = async (t: { teardown(end: () => unknown): void }) => {
  const mesh = await createFilesMesh({
    count: 3,
    policies: (index) =>
      index === 2 ? [policyOf('a', [signers.bert.publicKey])] : names.map((name) => policyOf(name)),
    engine: { pushPullIntervalMs: 1_000 },
  })
  await mesh.link(allPairs(3))
  t.teardown(() => mesh.stop())
  const node = mesh.node(0)
  const spread = createSpread({
    files: node.state.files,
    sync: node.sync,
    peering: {
      status: (): PeerStatus[] =>
        [1, 2].map((index) => {
          const { peerId } = mesh.node(index)
          const connected = node.transport.peers().some(({ id }) => id === peerId)
          return { peerId, bootstrap: false, connected, name: `node-${index}`, lastConnectedMs: 1 }
        }),
    },
  })
  await spread.start()
  t.teardown(() => spread.stop())
  return { mesh, node, spread }
}

const cut = (mesh: Mesh<FilesState>, node: MeshNode<FilesState>): void =>
  mesh.network.partition([
    mesh.nodes.filter((each) => each !== node).map(({ peerId }) => peerId),
    [node.peerId],
  ])

t.test('tells who has what, who is behind and who differs', async (t) => {
  const { mesh, node, spread } = await startMesh(t)
  const cells = () =>
    Object.fromEntries(
      spread
        .spread()
        .files.map(({ name, version, peers }) => [
          `${name} ${version}`,
          spread
            .spread()
            .peers.map(
              (peer, index) => `${peer.name} ${peers[index]?.has} ${peers[index]?.version}`,
            ),
        ]),
    )
  const content = Buffer.from('x')
  await upload(mesh, node, { name: 'a', by: ['bert'], content })
  await mesh.clock.advance(60_000)
  t.same(cells(), {
    'a 1': ['node-1 same 1', 'node-2 same 1'],
    'b null': ['node-1 same null', 'node-2 unwanted null'],
  })

  await upload(mesh, node, { name: 'a', version: 2, by: ['anna'], content })
  await mesh.clock.advance(60_000)
  t.same(cells()['a 2'], ['node-1 same 2', 'node-2 refuses null'], 'it does not take anna’s')

  const [, second] = mesh.nodes
  if (second === undefined) return
  cut(mesh, second)
  await upload(mesh, node, { name: 'a', version: 3, by: ['bert'], content })
  await mesh.clock.advance(60_000)
  t.same(cells()['a 3'], ['node-2 same 3', 'node-1 before 2'], 'who is away comes last')

  await upload(mesh, second, { name: 'b', by: ['anna'], content })
  mesh.network.heal()
  await mesh.link([[0, 1]])
  t.ok(await mesh.until(() => node.state.files.view(parseFileName('b'))?.state === 'shown'))
  t.same(cells()['b 1'], ['node-1 same 1', 'node-2 unwanted null'], 'it brought it')
})

t.test('tells a part at a time, and says where to go on', async (t) => {
  const { spread } = await startMesh(t)
  t.same(spread.spread().next, null)
  t.same(
    spread.spread(parseFileName('a')).files.map(({ name }) => name),
    ['b'],
  )
})
