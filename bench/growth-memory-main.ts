/** Opens the store at a path, reads all of its tree once, and says what memory that took: RSS in bytes. */
import { createLmdbStore, table } from '../src/store/index.ts'
import { createStoredTree } from '../src/tree/index.ts'

const [idTable, nodeTable] = [table('bench-ids'), table('bench-tree')]
const store = createLmdbStore({ path: process.argv[2] ?? '' })
await store.open()
const checking = createStoredTree(store, { ids: idTable, nodes: nodeTable }).check()
while (checking.next().done !== true);
process.stdout.write(`${process.memoryUsage.rss()}\n`)
await store.close()
