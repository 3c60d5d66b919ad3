import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockStateDirectory } from '../../../src/disk/index.ts'
import { createLmdbStore, table } from '../../../src/store/index.ts'
import { createSortedTree, createStoredTree } from '../../../src/tree/index.ts'
import { digestToBytes, sha256 } from '../../../src/util/index.ts'
import { mesh } from '../harness.ts'
import type { Store } from '../../../src/store/index.ts'
import type { Test } from 'tap'

const [idTable, nodeTable] = [table('files-index'), table('files-tree')]
const ids = Array.from({ length: 500 }, (_, index) => sha256(`${index}`)).sort()

const using = async (stateDir: string, work: (store: Store) => Promise<void>): Promise<void> => {
  const store = createLmdbStore({ path: join(stateDir, 'store') })
  await store.open()
  await work(store)
  await store.close()
}

/** A state directory with 500 records. */
const createState = async (t: Test): Promise<string> => {
  const stateDir = join(t.testdir({}), 'state')
  mkdirSync(stateDir)
  await using(stateDir, (store) =>
    store.transaction((tx) => {
      for (const id of ids) tx.put(idTable, digestToBytes(id), Uint8Array.of(1))
      createStoredTree(store, { ids: idTable, nodes: nodeTable }).update(tx, ids)
    }),
  )
  return stateDir
}

t.test('a sound database is said to be, with its root', async (t) => {
  const stateDir = await createState(t)
  const { code, stdout } = await mesh(['store', 'verify', '--state-dir', stateDir])
  t.equal(code, 0)
  t.match(stdout, /^records +500$/m)
  t.match(stdout, /all right$/m)
  const { stdout: json } = await mesh(['store', 'verify', '--state-dir', stateDir, '--json'])
  const { hash: root } = createSortedTree(ids).summary('')
  t.match(JSON.parse(json), {
    ...{ schema: 'mesh-store-verify/1', ok: true, records: 500, root, damage: [], mended: false },
  })
})

t.test('a damaged tree is found, and made anew when asked', async (t) => {
  const stateDir = await createState(t)
  await using(stateDir, async (store) => {
    const [entry] = [...store.range(nodeTable, { limit: 1 })]
    if (entry === undefined) throw new Error('a node')
    const value = Uint8Array.from(entry.value)
    value[20] = (value[20] ?? 0) ^ 1
    await store.transaction((tx) => tx.put(nodeTable, entry.key, value))
  })
  const found = await mesh(['store', 'verify', '--state-dir', stateDir])
  t.not(found.code, 0)
  t.match(found.stdout, /is wrong about the ids that begin with/)
  t.match(found.stderr, /is damaged; run mesh store verify --mend/)
  t.match(await mesh(['store', 'verify', '--state-dir', stateDir, '--mend']), {
    code: 0,
    stdout: /made anew/,
  })
  t.match(await mesh(['store', 'verify', '--state-dir', stateDir]), { code: 0 })
})

t.test('looking does not hide from the next start that a daemon died', async (t) => {
  const stateDir = await createState(t)
  const openings = join(stateDir, 'store', 'openings')
  writeFileSync(openings, '3')
  t.match(await mesh(['store', 'verify', '--state-dir', stateDir]), { code: 0 })
  t.equal(readFileSync(openings, 'utf8'), '3')
})

t.test('a daemon that runs, or no database at all, is told apart from damage', async (t) => {
  const stateDir = await createState(t)
  const lock = await lockStateDirectory(stateDir)
  const locked = await mesh(['store', 'verify', '--state-dir', stateDir])
  t.not(locked.code, 0)
  t.match(locked.stderr, /another process|the process \d+/)
  await lock.release()
  const none = await mesh(['store', 'verify', '--state-dir', join(stateDir, 'nowhere')])
  t.not(none.code, 0)
  t.match(none.stderr, /there is no database at/)
})
