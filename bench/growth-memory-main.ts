/** Opens the store at a path, reads all of its tree once, and says what memory that took: RSS in bytes. */
import { openTree } from './stored-tree.ts'

const { store, tree } = await openTree(process.argv[2] ?? '')
const checking = tree.check()
while (checking.next().done !== true);
process.stdout.write(`${process.memoryUsage.rss()}\n`)
await store.close()
