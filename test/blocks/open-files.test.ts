import t from 'tap'
import { createOpenFiles } from '../../src/blocks/open-files.ts'
import { createMemoryDisk } from '../../src/disk/index.ts'
import { fromUtf8, utf8 } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { OpenedFile } from '../../src/disk/index.ts'

const PATH = 'files/a'

const setUp = async () => {
  const clock = createVirtualClock()
  const disk = createMemoryDisk()
  await disk.open()
  await disk.write(PATH, utf8('hello'), { mode: 0o600 })
  let opened = 0
  let closed = 0
  const counting = Object.assign(Object.create(disk), {
    async openFile(path: string): Promise<OpenedFile | undefined> {
      const file = await disk.openFile(path)
      if (file === undefined) return undefined
      opened++
      return {
        ...file,
        async close() {
          closed++
          await file.close()
        },
      }
    },
  })
  const files = createOpenFiles({ disk: counting, clock })
  const fingerprint = (await disk.stat(PATH))?.fingerprint ?? ''
  const read = (where: { path: string; fingerprint?: string } = { path: PATH, fingerprint }) =>
    files.use(where, async (file) => fromUtf8(await file.read(0, 5)))
  return { clock, disk, files, fingerprint, read, counts: () => [opened, closed] }
}

t.test(
  'keeps a file open from one read to the next, and closes it when nobody comes',
  async (t) => {
    const { clock, read, counts } = await setUp()
    t.same([await read(), await read(), await read()], ['hello', 'hello', 'hello'])
    t.same(counts(), [1, 0])
    await clock.advance(5_000)
    t.same(counts(), [1, 1])
    t.equal(await read(), 'hello')
    t.same(counts(), [2, 1])
  },
)

t.test('reads nothing out of a file that is not the one that was meant', async (t) => {
  const { disk, read, counts } = await setUp()
  t.equal(await read({ path: PATH, fingerprint: 'another' }), undefined)
  t.equal(await read({ path: 'files/b', fingerprint: 'x' }), undefined)
  t.same(counts(), [1, 1])
  await read()
  await disk.write(PATH, utf8('other'), { mode: 0o600 })
  const fingerprint = (await disk.stat(PATH))?.fingerprint ?? ''
  t.equal(await read({ path: PATH, fingerprint }), 'other')
})

t.test('keeps nothing open whose fingerprint nobody knows', async (t) => {
  const { read, counts } = await setUp()
  t.equal(await read({ path: PATH }), 'hello')
  t.same(counts(), [1, 1])
})

t.test(
  'lets go of everything at the end, and of what is in use when it is not any more',
  async (t) => {
    const { clock, files, read, fingerprint, counts } = await setUp()
    await read()
    await files.close()
    t.same(counts(), [1, 1])
    await files.use({ path: PATH, fingerprint }, async () => {
      await files.close()
      t.same(counts(), [2, 1])
    })
    await clock.advance(5_000)
    t.same(counts(), [2, 2])
  },
)
