import t from 'tap'
import { createMemoryDisk } from '../../src/disk/index.ts'
import { testDisk } from '../contracts/disk.ts'
import type { MemoryDisk } from '../../src/disk/index.ts'

testDisk(t, 'a disk in memory', () => createMemoryDisk())

const opened = async (): Promise<MemoryDisk> => {
  const disk = createMemoryDisk()
  await disk.open()
  return disk
}

const textOf = async (disk: MemoryDisk, path: string): Promise<string | undefined> =>
  (await disk.read(path, { maxBytes: 100 }))?.toString()

t.test('keeps what write answered to when the power fails', async (t) => {
  const disk = await opened()
  await disk.write('files/deep/a', Buffer.from('one'), { mode: 0o644 })
  await disk.write('files/deep/a', Buffer.from('two'), { mode: 0o644 })
  await disk.write('files/b', Buffer.from('b'), { mode: 0o644 })
  await disk.rename('files/b', 'other/c')
  await disk.remove('files/none')
  disk.crash('synced')
  await disk.open()
  t.equal(await textOf(disk, 'files/deep/a'), 'two')
  t.equal(await textOf(disk, 'files/b'), undefined)
  t.equal(await textOf(disk, 'other/c'), 'b')
  await disk.remove('other/c')
  disk.crash('synced')
  await disk.open()
  t.equal(await textOf(disk, 'other/c'), undefined)
})

t.test('has the old file or the new one, wherever the power fails in a write', async (t) => {
  let finished = false
  for (let at = 1; !finished; at++) {
    const disk = await opened()
    await disk.write('files/d/a', Buffer.from('old'), { mode: 0o644 })
    let first = 0
    disk.fault = ({ index }) => {
      if (first === 0) first = index
      return index - first + 1 >= at ? 'EIO' : undefined
    }
    finished = await disk.write('files/d/a', Buffer.from('new'), { mode: 0o644 }).then(
      () => true,
      () => false,
    )
    disk.fault = undefined
    disk.crash('synced')
    await disk.open()
    const text = await textOf(disk, 'files/d/a')
    t.ok(finished ? text === 'new' : text === 'old' || text === 'new', `${at}: ${text}`)
    t.same(await disk.list('tmp'), [])
  }
})

t.test('keeps what was added, and leaves nothing of what could not be', async (t) => {
  for (const kind of ['create', 'write', 'rename', 'sync', 'sync-directory'] as const) {
    const disk = await opened()
    await disk.add('blocks/aa/before', Buffer.from('before'))
    disk.fault = (each) => (each.kind === kind ? 'ENOSPC' : undefined)
    await t.rejects(disk.add('blocks/aa/x', Buffer.from('x')), { code: 'ERR_DISK_FULL' }, kind)
    disk.fault = undefined
    t.same(await disk.list('tmp'), [], kind)
    t.equal(await textOf(disk, 'blocks/aa/x'), undefined, kind)
    await disk.add('blocks/aa/x', Buffer.from('x'))
    disk.crash('synced')
    await disk.open()
    t.equal(await textOf(disk, 'blocks/aa/x'), 'x', 'bytes and name have lasted')
    t.equal(await textOf(disk, 'blocks/aa/before'), 'before')
  }
})

t.test(
  'loses what was not synced when the power fails, and keeps it when the process dies',
  async (t) => {
    for (const keep of ['synced', 'all'] as const) {
      const disk = await opened()
      await disk.write('files/a', Buffer.from('old'), { mode: 0o644 })
      disk.fault = ({ kind }) => (kind === 'sync-directory' ? 'EIO' : undefined)
      await t.rejects(disk.write('files/a', Buffer.from('new'), { mode: 0o644 }))
      disk.fault = undefined
      disk.crash(keep)
      await disk.open()
      t.equal(await textOf(disk, 'files/a'), keep === 'all' ? 'new' : 'old')
    }
  },
)

t.test('calls a full disk full and anything else unusable', async (t) => {
  const disk = await opened()
  for (const [system, code] of [
    ['ENOSPC', 'ERR_DISK_FULL'],
    ['EDQUOT', 'ERR_DISK_FULL'],
    ['EIO', 'ERR_STATE_UNUSABLE'],
    ['EROFS', 'ERR_STATE_UNUSABLE'],
  ] as const) {
    for (const kind of ['create', 'write', 'sync', 'rename', 'sync-directory'] as const) {
      disk.fault = (operation) => (operation.kind === kind ? system : undefined)
      await t.rejects(disk.write('files/a', Buffer.from('x'), { mode: 0o644 }), { code }, kind)
      disk.fault = undefined
      t.same(await disk.list('tmp'), [], 'nothing is left over')
    }
  }
})

t.test('what was written in any order survives a power cut once it was synced', async (t) => {
  const disk = createMemoryDisk()
  await disk.open()
  const file = await disk.edit('partial/1', { sizeBytes: 6 })
  await file.write(Buffer.from('one'), 0)
  await file.sync()
  await file.write(Buffer.from('two'), 3)
  await file.write(Buffer.from('ONE'), 0)
  disk.crash('synced')
  await disk.open()
  const bytes = await disk.read('partial/1', { maxBytes: 10 })
  t.same(Buffer.from(bytes ?? []), Buffer.from('one\0\0\0'))
})

t.test('a disk fails where it is told to while a file is edited', async (t) => {
  const disk = createMemoryDisk()
  await disk.open()
  disk.fault = ({ kind }) => (kind === 'resize' ? 'ENOSPC' : undefined)
  await t.rejects(disk.edit('partial/1', { sizeBytes: 6 }), { code: 'ERR_DISK_FULL' })
  disk.fault = undefined
  const file = await disk.edit('partial/1', { sizeBytes: 6 })
  disk.fault = ({ kind, path }) =>
    kind === 'write' && path.endsWith('/partial/1') ? 'EDQUOT' : undefined
  await t.rejects(file.write(Buffer.from('x'), 0), { code: 'ERR_DISK_FULL' })
  disk.free = 5
  t.equal(await disk.freeBytes(), 5)
})
