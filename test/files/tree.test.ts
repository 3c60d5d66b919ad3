import t from 'tap'
import { toMeshError } from '../../src/errors/index.ts'
import { parseFileName } from '../../src/statement/index.ts'
import { table } from '../../src/store/index.ts'
import { createFilesMesh, policyOf, sign } from '../support/files-mesh.ts'
import type { Transaction } from '../../src/store/index.ts'

const nodeTable = table('files-tree')
const indexTable = table('files-index')
const names = Array.from({ length: 100 }, (_, index) => `file-${index}`)

/** Stands for bytes that are none of ours. */
const key = Uint8Array.of(1, 2, 3)

t.test('a tree that is damaged on the disk is made anew, and health tells', async (t) => {
  const mesh = await createFilesMesh({ count: 1, policies: names.map((name) => policyOf(name)) })
  const node = mesh.node(0)
  const { files, store } = node.state
  for (const name of names) {
    const signed = await sign({ name, content: null })
    await mesh.run(files.accept(signed, undefined, { kind: 'upload', force: true }))
  }
  const root = files.digest()
  t.equal(files.tree.summary('').count, names.length)
  const nodes = [...store.range(nodeTable)]
  t.equal(nodes.length, 1)

  for (const damage of [
    new Uint8Array(5),
    Uint8Array.from(nodes[0]?.value ?? []).fill(7, 300, 310),
  ]) {
    const key = nodes[0]?.key ?? new Uint8Array()
    await mesh.run(store.transaction((tx) => tx.put(nodeTable, key, damage)))
    if (damage.length === 5) t.throws(() => files.digest(), { code: 'ERR_STATE_CORRUPT' })
    t.ok(
      await mesh.until(
        () => node.health.list().some(({ code }) => code === 'tree-damaged'),
        2 * 86_400_000,
      ),
    )
    t.equal(files.digest(), root)
    t.equal(files.nameOf(files.tree.ids('')[0] ?? root) !== undefined, true)
    t.ok(await mesh.until(() => node.health.list().length === 0, 3 * 86_400_000), 'and then not')
  }
  t.ok(files.wants(parseFileName('file-1')))
  await mesh.stop()
})

t.test('an id that is damaged on the disk is made anew, however few there are', async (t) => {
  const few = names.slice(0, 5)
  const mesh = await createFilesMesh({ count: 1, policies: few.map((name) => policyOf(name)) })
  const node = mesh.node(0)
  const { files, store } = node.state
  for (const name of few) {
    const signed = await sign({ name, content: null })
    await mesh.run(files.accept(signed, undefined, { kind: 'upload', force: true }))
  }
  const root = files.digest()
  t.equal([...store.range(nodeTable)].length, 0, 'no tree is stored')
  const [first, second] = [...store.range(indexTable)]
  if (first === undefined || second === undefined) throw new Error('two entries')
  const flipped = Uint8Array.from(first.key)
  flipped[31] = (flipped[31] ?? 0) ^ 1
  const damages: ((tx: Transaction) => void)[] = [
    (tx) => {
      tx.remove(indexTable, first.key)
      tx.put(indexTable, flipped, first.value)
    },
    (tx) => tx.remove(indexTable, second.key),
    (tx) => tx.put(indexTable, second.key, second.value.subarray(0, 20)),
    (tx) => tx.put(indexTable, second.key, first.value),
    (tx) => tx.put(indexTable, flipped, first.value),
  ]
  for (const [index, damage] of damages.entries()) {
    await mesh.run(store.transaction(damage))
    const told = await mesh.until(() => node.health.list().length > 0, 2 * 86_400_000)
    t.ok(told !== undefined, `damage ${index}`)
    t.match(node.health.list(), [{ code: 'tree-damaged', message: /^the index of records/ }])
    t.equal(files.digest(), root)
    for (const id of files.tree.ids('')) t.ok(files.record(id))
    t.ok(await mesh.until(() => node.health.list().length === 0, 3 * 86_400_000), 'and then not')
  }
  await mesh.stop()
})

t.test(
  'a round over a tree that is damaged ends, blames nobody, and goes well when it is mended',
  async (t) => {
    const policies = names.map((name) => policyOf(name))
    const mesh = await createFilesMesh({ count: 2, policies })
    const [here, there] = [mesh.node(0), mesh.node(1)]
    for (const name of names) {
      const signed = await sign({ name, content: null })
      for (const { state } of [here, there]) {
        await mesh.run(state.files.accept(signed, undefined, { kind: 'upload', force: true }))
      }
    }
    await mesh.link([[0, 1]])
    await mesh.clock.advance(10_000)
    const { store, files } = here.state
    const [node] = [...store.range(nodeTable)]
    if (node === undefined) throw new Error('a node')
    const root = files.digest()
    const isMended = (): boolean => store.get(nodeTable, node.key)?.length !== key.length
    for (const [from, to, expected] of [
      [here, there, 'ERR_STATE_CORRUPT'],
      // The stream ends; on the next one the tree is mended already.
      [there, here, 'in step'],
    ] as const) {
      await mesh.run(store.transaction((tx) => tx.put(nodeTable, node.key, key)))
      const outcome = await mesh.run(
        from.sync.pushPull(to.peerId).then(
          () => 'in step',
          (error: unknown) => toMeshError(error).code,
        ),
      )
      t.equal(outcome, expected)
      t.ok((await mesh.until(isMended, 60_000)) !== undefined)
      t.equal(files.digest(), root)
      await mesh.clock.advance(60_000)
      await mesh.run(from.sync.pushPull(to.peerId))
      t.match(from.sync.status().lastPushPull, { equal: true })
    }
    t.same([...here.blamed, ...there.blamed], [])
    await mesh.stop()
  },
)
