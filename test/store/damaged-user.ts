/** A program that uses a store as a daemon does: `fill` it, or read and change much of it. */
import { createLmdbStore, table } from '../../src/store/index.ts'
import type { Transaction } from '../../src/store/index.ts'

const [, , path = '', what] = process.argv
const tables = ['kept', 'rows', 'index', 'tree', 'history', 'large'].map((name) =>
  table(`of-${name}`),
)
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
const store = createLmdbStore(
  { path },
  { onDamage: () => say('set aside'), onRenewal: () => say('renewed') },
)
const key = (index: number): Buffer => Buffer.from(`key-${String(index).padStart(5, '0')}`)

const putMany = (tx: Transaction, index: number): void => {
  for (const [number, each] of tables.entries()) {
    const more = (index % 9) * (number === 5 ? 600 : 20)
    tx.put(each, key((index * 7_919) % 1_000), Buffer.alloc(50 + number * 400 + more, index))
    // So that there are pages in the free list.
    if (number === 3 && index > 20) tx.remove(each, key(((index - 20) * 7_919) % 1_000))
  }
}

const fill = async (): Promise<void> => {
  for (let first = 0; first < 200; first += 10) {
    await store.transaction((tx) => {
      for (let index = first; index < first + 10; index++) putMany(tx, index)
    })
  }
}

const change = (tx: Transaction, index: number): void => {
  for (const each of tables) {
    tx.put(each, key(index * 33), Buffer.alloc(300, 1))
    tx.remove(each, key(index * 31 + 2))
  }
}

const use = async (): Promise<void> => {
  for (const each of tables) for (const { value } of store.range(each)) value.fill(0)
  for (let first = 0; first < 30; first += 6) {
    await store.transaction((tx) => {
      for (let index = first; index < first + 6; index++) change(tx, index)
    })
  }
}

try {
  await store.open()
  await (what === 'fill' ? fill() : use())
  say('ready')
} catch (error) {
  say(String(error))
  process.exitCode = 1
} finally {
  await store.close()
}
