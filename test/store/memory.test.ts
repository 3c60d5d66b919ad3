import t from 'tap'
import { createMemoryStore, table } from '../../src/store/index.ts'
import { testStore } from '../contracts/store.ts'
import type { MemoryStore, Migration, Store } from '../../src/store/index.ts'

testStore(t, 'a store in memory', () => {
  // One memory store is its own disk: later ones are the same object with other migrations.
  const chain: Migration[] = []
  let store: MemoryStore | undefined
  return {
    create({ migrations = [] } = {}): Store {
      chain.splice(0, chain.length, ...migrations)
      store ??= createMemoryStore({ migrations: chain })
      return store
    },
    async abandon() {
      store?.crash()
    },
  }
})

const things = table('things')
const key = Buffer.from('key')

t.test(
  'keeps nothing of a commit that fails or is lost, and all of one that is kept',
  async (t) => {
    for (const [fault, code, kept] of [
      ['disk-full', 'ERR_DISK_FULL', false],
      ['lost', 'ERR_STATE_UNUSABLE', false],
      ['kept', 'ERR_STATE_UNUSABLE', true],
    ] as const) {
      const store = createMemoryStore()
      await store.open()
      store.fault = () => fault
      await t.rejects(
        store.transaction((tx) => tx.put(things, key, key)),
        { code },
      )
      store.fault = undefined
      store.crash()
      await store.open()
      t.equal(store.get(things, key) !== undefined, kept)
      await store.transaction((tx) => tx.put(things, key, key))
      t.equal(store.count(things), 1)
    }
  },
)

t.test('loses the latest commits that were not durable when the power fails', async (t) => {
  for (const keep of [0, 1, 2, undefined]) {
    const disk: (() => void)[] = []
    const store = createMemoryStore({
      flush: () => new Promise((resolve) => disk.push(resolve)),
    })
    const flushed = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve))
      disk.shift()?.()
    }
    const opening = store.open()
    await flushed()
    await opening
    const answered: string[] = []
    const put = (name: string): void =>
      void store
        .transaction((tx) => tx.put(things, Buffer.from(name), key))
        .then(() => answered.push(name))
    for (const name of ['a', 'b', 'c']) put(name)
    await flushed()
    await new Promise((resolve) => setImmediate(resolve))
    t.same(answered, ['a'])
    t.equal(store.count(things), 3, 'readers see what is not durable yet')
    store.crash(keep)
    await flushed()
    const again = store.open()
    await flushed()
    await again
    t.equal(store.count(things), 1 + Math.min(keep ?? 2, 2))
    t.same(answered, ['a'], 'nobody hears of what happened after the end')
  }
})

t.test('names tables in lower case with dashes', async (t) => {
  for (const name of ['', 'Big', '1st', 'with space', 'x'.repeat(65)]) {
    t.throws(() => table(name), RangeError)
  }
  t.equal(table('things'), things)
})
