import t from 'tap'
import { createDirectories } from '../../src/disk/directories.ts'
import { createMemoryFileSystem } from '../../src/disk/memory-file-system.ts'
import type { FileSystem } from '../../src/disk/file-system.ts'

/** A tree at `/r` whose root is synced by and by, or not at all. */
const play = async () => {
  const memory = createMemoryFileSystem()
  await memory.makeDirectory('/r', 0o700)
  const syncs: PromiseWithResolvers<void>[] = []
  const fileSystem: FileSystem = {
    ...memory,
    async openDirectory(path) {
      const handle = await memory.openDirectory(path)
      return {
        ...handle,
        async sync() {
          const gate = Promise.withResolvers<void>()
          syncs.push(gate)
          await gate.promise
          await handle.sync()
        },
      }
    },
  }
  const directories = createDirectories(fileSystem, '/r', () => false)
  /** What is under way comes as far as it can. */
  const rest = () => new Promise(setImmediate)
  return { directories, syncs, rest }
}

t.test('nobody is given a directory that may not outlast a power cut', async (t) => {
  const { directories, syncs, rest } = await play()
  const given: string[] = []
  const first = directories.make('d').then(() => given.push('first'))
  await rest()
  const second = directories.make('d').then(() => given.push('second'))
  await rest()
  t.same(given, [], 'its entry is being synced')
  for (const sync of syncs) sync.resolve()
  await Promise.all([first, second])
  t.same(given.sort(), ['first', 'second'])
  t.equal(syncs.length, 1)
})

t.test(
  'a directory whose entry could not be synced is synced by the next who needs it',
  async (t) => {
    const { directories, syncs, rest } = await play()
    const first = directories.make('d/e')
    await rest()
    syncs[0]?.reject(new Error('the disk is gone'))
    await t.rejects(first, { message: 'the disk is gone' })
    const second = directories.make('d')
    await rest()
    t.equal(syncs.length, 2, 'once more')
    syncs[1]?.resolve()
    t.equal(await second, '/r/d')
    t.equal(await directories.make('d'), '/r/d')
    t.equal(syncs.length, 2)
  },
)
