import t from 'tap'
import { parseFileName } from '../../src/statement/index.ts'
import { table } from '../../src/store/index.ts'
import { createFilesMesh, policyOf, sign } from '../support/files-mesh.ts'

const nodeTable = table('files-tree')
const names = Array.from({ length: 100 }, (_, index) => `file-${index}`)

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
