import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createDisk, lockStateDirectory } from '../../../src/disk/index.ts'
import { createFiles } from '../../../src/files/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../../src/observe/index.ts'
import { createLmdbStore, table } from '../../../src/store/index.ts'
import { createSortedTree } from '../../../src/tree/index.ts'
import { digestFromBytes, systemClock, systemRandom } from '../../../src/util/index.ts'
import { network, policyOf, sign } from '../../support/files-mesh.ts'
import { mesh } from '../harness.ts'
import type { Store } from '../../../src/store/index.ts'
import type { Test } from 'tap'

const [indexTable, nodeTable] = [table('files-index'), table('files-tree')]
/** More than are hashed as one list. */
const MANY = 100

const using = async (stateDir: string, work: (store: Store) => Promise<void>): Promise<void> => {
  const store = createLmdbStore({ path: join(stateDir, 'store') })
  await store.open()
  await work(store)
  await store.close()
}

/** A state directory as a daemon leaves it, with so many records. */
const createState = async (t: Test, count = MANY): Promise<string> => {
  const stateDir = join(t.testdir({}), 'state')
  mkdirSync(stateDir)
  const names = Array.from({ length: count }, (_, index) => `file-${index}`)
  const [clock, random, logger] = [systemClock, systemRandom, silentLogger]
  await using(stateDir, async (store) => {
    const disk = createDisk(stateDir)
    await disk.open()
    const workers = createWorkers({ clock, random, logger })
    const files = createFiles(
      { clock, logger, workers, health: createHealth({ clock }), store, disk },
      { network, policies: names.map((name) => policyOf(name)) },
    )
    await files.start()
    await Promise.all(
      names.map(async (name) =>
        files.accept(await sign({ name, content: null }), undefined, {
          ...{ kind: 'upload', force: true },
        }),
      ),
    )
    await files.stop()
  })
  return stateDir
}

t.test('a sound database is said to be, with its root', async (t) => {
  const stateDir = await createState(t)
  const { code, stdout } = await mesh(['store', 'verify', '--state-dir', stateDir])
  t.equal(code, 0)
  t.match(stdout, /^records +100$/m)
  t.match(stdout, /all right$/m)
  const { stdout: json } = await mesh(['store', 'verify', '--state-dir', stateDir, '--json'])
  let root: string | undefined
  await using(stateDir, async (store) => {
    const ids = [...store.range(indexTable)].map(({ key }) => digestFromBytes(key))
    root = createSortedTree(ids).summary('').hash
  })
  t.match(JSON.parse(json), {
    ...{ schema: 'mesh-store-verify/1', ok: true, records: 100, root },
    ...{ damage: [], indexDamage: [], mended: false },
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

t.test(
  'an id that is damaged is found, however few there are, and left to the daemon',
  async (t) => {
    const stateDir = await createState(t, 3)
    await using(stateDir, async (store) => {
      const [entry] = [...store.range(indexTable, { limit: 1 })]
      if (entry === undefined) throw new Error('an entry')
      const key = Uint8Array.from(entry.key)
      key[31] = (key[31] ?? 0) ^ 1
      await store.transaction((tx) => {
        tx.remove(indexTable, entry.key)
        tx.put(indexTable, key, entry.value)
      })
    })
    for (const mend of [[], ['--mend']]) {
      const found = await mesh(['store', 'verify', '--state-dir', stateDir, ...mend])
      t.not(found.code, 0)
      t.match(found.stdout, /^index +damaged$/m)
      t.match(found.stdout, /which is no record of file-/)
      t.match(found.stdout, /the index has not .*, a record of file-/)
      t.match(found.stdout, /^tree of hashes +0 nodes, all right$/m)
      t.match(found.stderr, /index of records .* is damaged; start the daemon/)
    }
  },
)

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
