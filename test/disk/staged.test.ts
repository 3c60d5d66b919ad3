import t from 'tap'
import { createMemoryFileSystem } from '../../src/disk/memory-file-system.ts'
import { createEarlySync } from '../../src/disk/early-sync.ts'
import { createStagedFile, MAX_UNWRITTEN_BYTES } from '../../src/disk/staged.ts'
import { createWorkFile } from '../../src/disk/work-file.ts'
import type { Handle } from '../../src/disk/file-system.ts'

const tree = {
  doing: <T>(_what: string, _path: string, work: () => Promise<T>): Promise<T> => work(),
  place: async (): Promise<void> => {},
  unlink: async (): Promise<void> => {},
}

/** A file whose calls wait until they are let through, and what was asked of it. */
const slowFile = async () => {
  const calls: string[] = []
  const waiting: (() => void)[] = []
  const inner = await createMemoryFileSystem().create('/x')
  let fault: (call: string) => Error | undefined = () => undefined
  const call = async (what: string): Promise<void> => {
    calls.push(what)
    await new Promise<void>((resolve) => waiting.push(resolve))
    const error = fault(what)
    if (error !== undefined) throw error
  }
  const handle: Handle = {
    ...inner,
    async write(parts) {
      await call(`write ${parts.length}`)
      return inner.write(parts)
    },
    async writeAt(bytes, position) {
      return inner.writeAt(bytes, position)
    },
    async sync() {
      await call('sync')
      await inner.sync()
    },
  }
  return {
    ...{ handle, calls },
    failWith: (next: typeof fault) => {
      fault = next
    },
    /** Lets one call through, and what it leads to at once. */
    async letOne() {
      waiting.shift()?.()
      await new Promise(setImmediate)
    },
    async letAll() {
      while (waiting.length > 0) {
        waiting.shift()?.()
        await new Promise(setImmediate)
      }
    },
  }
}

const textOf = async (handle: Handle): Promise<string> => {
  const into = Buffer.alloc(100)
  return into.toString('utf8', 0, await handle.read(into, 0))
}

t.test('takes more while it writes, and writes in one call what has gathered', async (t) => {
  const file = await slowFile()
  const staged = createStagedFile(tree, 'tmp/1', file.handle)
  for (const text of ['one ', 'two ', '', 'three']) await staged.write(Buffer.from(text))
  t.equal(staged.sizeBytes, 13)
  t.same(file.calls, ['write 1'])
  const flushed = staged.flush({ mode: 0o644 })
  await file.letOne()
  t.same(file.calls, ['write 1', 'write 2'], 'not synced before all of it is written')
  await file.letAll()
  await flushed
  t.same(file.calls, ['write 1', 'write 2', 'sync'])
  t.equal(await textOf(file.handle), 'one two three')
})

t.test('holds up who writes faster than the disk', async (t) => {
  const file = await slowFile()
  const staged = createStagedFile(tree, 'tmp/1', file.handle)
  await staged.write(new Uint8Array(MAX_UNWRITTEN_BYTES))
  let taken = false
  const second = staged.write(new Uint8Array(1)).then(() => {
    taken = true
  })
  await new Promise(setImmediate)
  t.notOk(taken)
  await file.letOne()
  await second
  const discarded = staged.discard()
  await file.letAll()
  await discarded
})

t.test('goes on behind what the system took of a call', async (t) => {
  const file = await slowFile()
  const { write } = file.handle
  let left = 3
  const partly: Handle = {
    ...file.handle,
    // Three bytes at a time, twice; then all.
    write: (parts) => write(left-- > 0 ? [Buffer.concat(parts).subarray(0, 3)] : parts),
  }
  const staged = createStagedFile(tree, 'tmp/1', partly)
  for (const text of ['ab', 'cdefg', 'h', 'ijklm']) await staged.write(Buffer.from(text))
  const committed = staged.commit('files/x', { mode: 0o600 })
  await file.letAll()
  await committed
  t.equal(await textOf(file.handle), 'abcdefghijklm')
})

t.test('tells of a write that failed at the next call, and at the flush', async (t) => {
  const file = await slowFile()
  const staged = createStagedFile(tree, 'tmp/1', file.handle)
  file.failWith(() => new Error('no room'))
  await staged.write(Buffer.from('one'))
  await file.letAll()
  await t.rejects(staged.write(Buffer.from('two')), { message: 'no room' })
  await t.rejects(staged.flush({ mode: 0o600 }), { message: 'no room' })
  await t.rejects(staged.commit('files/x', { mode: 0o600 }), { message: 'no room' })
  await staged.discard()
  t.same(file.calls, ['write 1'], 'nothing more was tried')
})

t.test('syncs a large file while it grows, once at a time', async (t) => {
  const file = await slowFile()
  const early = createEarlySync(file.handle, 100)
  early.wrote(99)
  t.same(file.calls, [])
  early.wrote(1)
  early.wrote(1000)
  t.same(file.calls, ['sync'], 'one is under way')
  await file.letAll()
  await early.settled()
  early.wrote(1)
  t.same(file.calls, ['sync', 'sync'])
  await file.letAll()
  await early.settled()
})

t.test('never forgets an early sync that failed, though the next would succeed', async (t) => {
  const file = await slowFile()
  const work = createWorkFile((_what, run) => run(), 'partial/1', file.handle)
  file.failWith(() => new Error('the disk lost it'))
  await work.write(new Uint8Array(64 * 2 ** 20), 0)
  t.same(file.calls, ['sync'])
  await file.letAll()
  file.failWith(() => undefined)
  await t.rejects(work.sync(), { message: 'the disk lost it' })
  await t.rejects(work.setMode(0o600), { message: 'the disk lost it' })
  await work.close()
})

t.test('a lost write is known when the file is closed, though nobody asked before', async (t) => {
  const file = await slowFile()
  const work = createWorkFile((_what, run) => run(), 'partial/1', file.handle)
  file.failWith(() => new Error('the disk lost it'))
  await work.write(new Uint8Array(64 * 2 ** 20), 0)
  t.equal(work.hasFailed, false, 'the early sync is under way')
  const closed = work.close()
  await file.letAll()
  await closed
  t.equal(work.hasFailed, true)
  await t.rejects(work.read(0, 1))
})

t.test('who comes when a file is closed does not make it one that failed', async (t) => {
  const file = await slowFile()
  const work = createWorkFile((_what, run) => run(), 'partial/1', file.handle)
  await work.close()
  await t.rejects(work.read(0, 1), { message: /closed before/ })
  t.equal(work.hasFailed, false)
})

t.test('who waits to write is told when the file is discarded', async (t) => {
  const file = await slowFile()
  const staged = createStagedFile(tree, 'tmp/1', file.handle)
  const piece = new Uint8Array(MAX_UNWRITTEN_BYTES)
  await staged.write(piece)
  const writers = Promise.allSettled([staged.write(piece), staged.write(piece)])
  const discarded = staged.discard()
  await file.letAll()
  await discarded
  const told = { status: 'rejected', reason: { message: /discarded before/ } }
  t.match(await writers, [told, told])
})

t.test('all who wait to write go on when there is room', async (t) => {
  const file = await slowFile()
  const staged = createStagedFile(tree, 'tmp/1', file.handle)
  const piece = new Uint8Array(MAX_UNWRITTEN_BYTES)
  await staged.write(piece)
  const writers = [staged.write(piece), staged.write(piece)]
  await file.letAll()
  await Promise.all(writers)
  t.equal(staged.sizeBytes, 3 * MAX_UNWRITTEN_BYTES)
})
