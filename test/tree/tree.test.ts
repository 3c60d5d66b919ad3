import fc from 'fast-check'
import t from 'tap'
import { createMemoryStore, table } from '../../src/store/index.ts'
import {
  createFilteredTree,
  createSortedTree,
  createStoredTree,
  LEAF_IDS,
} from '../../src/tree/index.ts'
import { digestToBytes, sha256 } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'
import type { IdTree, TreeCheck } from '../../src/tree/index.ts'
import type { Digest } from '../../src/util/index.ts'

const idTable = table('test-tree-ids')
const nodeTable = table('test-tree-nodes')

const createWorld = async () => {
  const store = createMemoryStore()
  await store.open()
  const faults: string[] = []
  const tree = createStoredTree(store, {
    ids: idTable,
    nodes: nodeTable,
    onDamage: ({ message }) => faults.push(message),
  })
  const change = (added: readonly Digest[], removed: readonly Digest[] = []): Promise<void> =>
    store.transaction((tx) => {
      for (const id of removed) tx.remove(idTable, digestToBytes(id))
      for (const id of added) tx.put(idTable, digestToBytes(id), Uint8Array.of(1))
      tree.update(tx, [...added, ...removed])
    })
  const nodes = (): [string, string][] =>
    Object.entries(store.dump()[nodeTable.name] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return { store, tree, change, nodes, faults }
}

const checkAll = (tree: { check(): Generator<void, TreeCheck> }): TreeCheck => {
  const checking = tree.check()
  for (;;) {
    const next = checking.next()
    if (next.done) return next.value
  }
}

const idsOf = (count: number, seed = ''): Digest[] =>
  Array.from({ length: count }, (_, index) => sha256(`${seed}${index}`))

/** Ids that share their first digits, as somebody makes them who wants the tree to be deep. */
const ground = (count: number, prefix: string): Digest[] =>
  idsOf(count, prefix).map((id) => `${prefix}${id.slice(prefix.length)}` as Digest)

const sorted = (ids: Iterable<Digest>): Digest[] => [...new Set(ids)].sort()

const prefixes = (ids: readonly Digest[]): string[] => [
  '',
  ...'0123456789abcdef',
  ...ids
    .slice(0, 20)
    .flatMap((id) => [id.slice(0, 2), id.slice(0, 3), id.slice(0, 9), id.slice(0, 63)]),
]

const same = (a: IdTree, b: IdTree, ids: readonly Digest[]): boolean =>
  prefixes(ids).every(
    (prefix) =>
      a.summary(prefix).hash === b.summary(prefix).hash &&
      a.summary(prefix).count === b.summary(prefix).count &&
      a.ids(prefix).join() === b.ids(prefix).join() &&
      JSON.stringify(a.children(prefix)) === JSON.stringify(b.children(prefix)),
  )

t.test('a tree depends on its ids alone, not on how they came', async (t) => {
  const pool = [...idsOf(600), ...ground(200, 'abcdef01'), ...ground(80, 'abcdef02')]
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ from: fc.nat(pool.length), count: fc.nat(300), add: fc.boolean() }), {
        minLength: 1,
        maxLength: 8,
      }),
      async (steps) => {
        const { tree, change, nodes } = await createWorld()
        const now = new Set<Digest>()
        for (const { from, count, add } of steps) {
          const ids = pool.slice(from, from + count)
          if (add) for (const id of ids) now.add(id)
          else for (const id of ids) now.delete(id)
          await change(add ? ids : [], add ? [] : ids)
        }
        const ids = sorted(now)
        const fresh = await createWorld()
        await fresh.change(ids)
        return (
          same(tree, createSortedTree(ids), pool) &&
          JSON.stringify(nodes()) === JSON.stringify(fresh.nodes()) &&
          checkAll(tree).damage.length === 0
        )
      },
    ),
    { numRuns: 25 },
  )
  t.pass('every history')
})

t.test('one id more or less changes the root, and taking it back changes it back', async (t) => {
  for (const count of [0, 1, LEAF_IDS - 1, LEAF_IDS, LEAF_IDS + 1, 2000]) {
    const { tree, change } = await createWorld()
    await change(idsOf(count))
    const before = tree.summary('')
    const one = sha256('one more')
    await change([one])
    t.equal(tree.summary('').count, count + 1)
    t.not(tree.summary('').hash, before.hash)
    await change([], [one])
    t.same(tree.summary(''), before, `${count} ids`)
  }
})

t.test('a filtered tree is the tree of what it keeps, before and after changes', async (t) => {
  for (const share of [0, 3, 50, 97, 100]) {
    const { tree, change } = await createWorld()
    const keeps = (id: Digest): boolean => Number.parseInt(id.slice(-4), 16) % 100 < share
    const all = idsOf(3000)
    await change(all)
    const filtered = createFilteredTree(tree, keeps)
    t.equal(filtered.prepare(500), share > 100, 'a little at a time')
    while (!filtered.prepare(500));
    t.ok(same(filtered, createSortedTree(sorted(all.filter(keeps))), all), `${share} %`)
    const more = idsOf(200, 'more')
    await change(more, all.slice(0, 300))
    const now = sorted([...more, ...all.slice(300)])
    t.ok(same(filtered, createSortedTree(now.filter(keeps)), now), `${share} % after a change`)
  }
})

t.test('a change costs the logarithm: it reads and writes one path', async (t) => {
  const { store, tree, change } = await createWorld()
  await change(idsOf(5000))
  const before = store.dump()[nodeTable.name] ?? {}
  await change([sha256('one more')])
  const after = store.dump()[nodeTable.name] ?? {}
  const touched = Object.keys(after).filter((key) => after[key] !== before[key])
  t.ok(touched.length <= 3, `${touched.length} nodes of ${Object.keys(after).length}`)
  t.equal(tree.summary('').count, 5001)
})

t.test('ids made to share a prefix cost depth and nothing else', async (t) => {
  const { tree, change, nodes } = await createWorld()
  const ids = ground(LEAF_IDS + 1, 'f'.repeat(40))
  await change(ids)
  t.ok(nodes().length <= 42, `${nodes().length} nodes`)
  t.ok(same(tree, createSortedTree(sorted(ids)), ids))
  await change([], ids.slice(1))
  t.same(nodes(), [], 'and go with them')
})

t.test('damage is found wherever it is, and making it anew mends it', async (t) => {
  const random = createSeededRandom(7)
  const { store, tree, change, nodes, faults } = await createWorld()
  await change(idsOf(4000))
  const good = nodes()
  t.same(checkAll(tree), { ids: 4000, nodes: good.length, damage: [] })
  for (let round = 0; round < 60; round++) {
    const [key = '', value = ''] = good[random.below(good.length)] ?? []
    const bytes = Buffer.from(value, 'hex')
    const at = random.below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
    const how = ['flip', 'drop', 'cut'][round % 3]
    await store.transaction((tx) => {
      if (how === 'drop') tx.remove(nodeTable, Buffer.from(key, 'hex'))
      else tx.put(nodeTable, Buffer.from(key, 'hex'), how === 'cut' ? bytes.subarray(9) : bytes)
    })
    t.ok(checkAll(tree).damage.length > 0, `${how} of node ${key}`)
    await store.transaction((tx) => tree.rebuild(tx))
    t.same(nodes(), good)
  }
  await store.transaction((tx) => tx.put(nodeTable, Uint8Array.of(2, 0xab), new Uint8Array(577)))
  t.throws(() => tree.children('ab'), { code: 'ERR_STATE_CORRUPT' })
  t.equal(faults.length, 1)
  await change([`ab${'0'.repeat(62)}` as Digest])
  t.equal(faults.length, 2)
  t.same(checkAll(tree).damage, [], 'a change that meets damage makes all anew')
})

t.test('an id that is here without its tree, or the other way round, is damage', async (t) => {
  const { store, tree, change } = await createWorld()
  await change(idsOf(1000))
  await store.transaction((tx) => tx.put(idTable, digestToBytes(sha256('x')), Uint8Array.of(1)))
  t.ok(checkAll(tree).damage.length > 0)
  await store.transaction((tx) => {
    tree.rebuild(tx)
    for (const { key } of tx.range(nodeTable)) tx.remove(nodeTable, key)
  })
  t.same(checkAll(tree).damage, ['the root is missing'])
})
