/** A database with nothing but ids and the tree over them, as the benchmarks fill it. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { createLmdbStore, table } from '../src/store/index.ts'
import { createStoredTree } from '../src/tree/index.ts'
import { digestToBytes, placedId } from '../src/util/index.ts'
import type { Store } from '../src/store/index.ts'
import type { StoredTree } from '../src/tree/index.ts'
import type { Digest } from '../src/util/index.ts'

export const idTable = table('bench-ids')
const nodeTable = table('bench-tree')
/** As long as an entry of the index is, about. */
export const VALUE = new Uint8Array(64)
const PAGE_IDS = 50_000

/** Of the first version at a place. */
export const idOf = (index: number): Digest => placedId(`${index}`, 'old')

export const openTree = async (path: string): Promise<{ store: Store; tree: StoredTree }> => {
  const store = createLmdbStore({ path })
  await store.open()
  return { store, tree: createStoredTree(store, { ids: idTable, nodes: nodeTable }) }
}

/** Leaves a database with so many ids at a path. */
export const fillTree = async (path: string, count: number): Promise<void> => {
  const { store, tree } = await openTree(path)
  for (let at = 0; at < count; at += PAGE_IDS) {
    await store.transaction((tx) => {
      const length = Math.min(count - at, PAGE_IDS)
      const ids = Array.from({ length }, (_, index) => idOf(at + index))
      for (const id of ids) tx.put(idTable, digestToBytes(id), VALUE)
      tree.update(tx, ids)
    })
  }
  await store.close()
}

/**
 * RSS in bytes of a process of its own that has read all of it, mapped pages included: what one
 * process that has done other things before says of its heap is an accident.
 */
export const memoryToRead = (path: string): number => {
  const main = join(import.meta.dirname, 'growth-memory-main.ts')
  return Number(execFileSync(process.execPath, [main, path], { encoding: 'utf8' }))
}
