/** Full disks, failing stores and power cuts at every step. */
import t from 'tap'
import { createMemoryDisk } from '../../src/disk/index.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { blockOf, bytesOf, contentOf, memoryGround, owner, startBlocks } from './fixture.ts'

const LARGE_BYTES = 40_000

t.test('a full disk refuses what is kept, leaves nothing, and is over when it is', async (t) => {
  const { store, disk } = await memoryGround()
  const { blocks } = await startBlocks({ store, disk })
  const { digest, bytes } = blockOf('x', LARGE_BYTES)
  disk.fault = ({ kind }) => (kind === 'write' ? 'ENOSPC' : undefined)
  await t.rejects(blocks.put(digest, bytes, { owner: owner('test a') }), { code: 'ERR_DISK_FULL' })
  t.notOk(blocks.has(digest))
  t.match(blocks.stat(), { storedBlocks: 0, storedBytes: 0 })
  disk.fault = undefined
  t.same(await disk.list('tmp'), [])
  await blocks.put(digest, bytes, { owner: owner('test a') })
  t.same(await blocks.get(digest), bytes)
  await blocks.stop()
})

t.test('on a full disk the cache makes way for what is kept', async (t) => {
  const { store, disk } = await memoryGround()
  const { blocks } = await startBlocks({ store, disk })
  const cached = blockOf('cached', LARGE_BYTES)
  const kept = blockOf('kept', LARGE_BYTES)
  await blocks.put(cached.digest, cached.bytes)
  disk.fault = ({ kind }) => (kind === 'write' && blocks.has(cached.digest) ? 'ENOSPC' : undefined)
  await blocks.put(kept.digest, kept.bytes, { owner: owner('test a') })
  t.same(await blocks.get(kept.digest), kept.bytes)
  t.notOk(blocks.has(cached.digest))
  await blocks.stop()
})

t.test('a full database leaves a file that garbage collection finds', async (t) => {
  const store = createMemoryStore()
  const disk = createMemoryDisk()
  await store.open()
  await disk.open()
  const { blocks } = await startBlocks({ store, disk })
  const { digest, bytes } = blockOf('x', LARGE_BYTES)
  store.fault = () => 'disk-full'
  await t.rejects(blocks.put(digest, bytes, { owner: owner('test a') }), { code: 'ERR_DISK_FULL' })
  store.fault = undefined
  t.notOk(blocks.has(digest))
  t.match(await blocks.gc(), { strayFiles: 1, strayBytes: LARGE_BYTES })
  t.same(await disk.list('blocks'), [])
  await blocks.stop()
})

t.test('says before it begins that a content cannot fit, and when it does not', async (t) => {
  const store = createMemoryStore()
  const disk = createMemoryDisk()
  await store.open()
  await disk.open()
  const { blocks } = await startBlocks({ store, disk })
  const { list, piece } = contentOf(bytesOf('c', 300_000))
  disk.free = 200_000
  await t.rejects(blocks.assemble(owner('file c c'), list), {
    code: 'ERR_DISK_FULL',
    message: /300000 bytes .* room for 200000/,
  })
  disk.free = Number.POSITIVE_INFINITY
  const assembly = await blocks.assemble(owner('file c c'), list)
  disk.fault = ({ kind }) => (kind === 'write' ? 'ENOSPC' : undefined)
  await t.rejects(assembly.write(0, piece(0)), { code: 'ERR_DISK_FULL' })
  t.notOk(assembly.has(0))
  disk.fault = undefined
  await assembly.write(0, piece(0))
  t.same(await assembly.read(0), piece(0))
  // Neither the disk nor the database take anything any more.
  disk.fault = ({ kind }) => (kind === 'write' ? 'ENOSPC' : undefined)
  store.fault = () => 'disk-full'
  await assembly.giveBack()
  t.same(await disk.list('partial'), [], 'the room is free')
  t.equal(await assembly.read(0), undefined)
  disk.fault = undefined
  store.fault = undefined
  const again = await blocks.assemble(owner('file c c'), list)
  t.equal(again.haveBytes, 0, 'it begins anew')
  await again.close()
  await blocks.stop()
})

t.test('a medium that gives nothing back is damage; one that is busy is not', async (t) => {
  const { store, disk } = await memoryGround()
  const { blocks, damages } = await startBlocks({ store, disk })
  const { digest, bytes } = blockOf('x', LARGE_BYTES)
  await blocks.put(digest, bytes, { owner: owner('test a') })
  disk.fault = ({ kind }) => (kind === 'read' ? 'EMFILE' : undefined)
  await t.rejects(blocks.get(digest), { code: 'ERR_STATE_UNUSABLE' })
  t.ok(blocks.has(digest))
  let failed = 0
  disk.fault = ({ kind }) => (kind === 'read' && ++failed === 1 ? 'EIO' : undefined)
  t.same(await blocks.get(digest), bytes, 'a hiccup')
  disk.fault = ({ kind }) => (kind === 'read' ? 'EIO' : undefined)
  t.equal(await blocks.get(digest), undefined)
  t.match(damages, [{ digest, owner: 'test a', where: 'stored' }])
  await blocks.stop()
})

t.test('keeps no more damaged blocks than are worth looking at', async (t) => {
  const { store, disk } = await memoryGround()
  const { blocks } = await startBlocks({ store, disk })
  for (let index = 0; index < 20; index++) {
    const { digest, bytes } = blockOf(`${index}`, LARGE_BYTES)
    await blocks.put(digest, bytes)
    disk.rot(`/blocks/${digest.slice(0, 2)}/${digest}`)
    t.equal(await blocks.get(digest), undefined)
  }
  t.equal((await disk.list('blocks-damaged')).length, 16)
  await blocks.stop()
})

/** What was acknowledged, in order; stops where the disk does. */
const live = async (disk: Awaited<ReturnType<typeof memoryGround>>, acknowledged: Set<string>) => {
  const { blocks } = await startBlocks(disk, { gcDelayMs: 0 })
  try {
    const first = blockOf('first', LARGE_BYTES)
    await blocks.put(first.digest, first.bytes, { owner: owner('test first') })
    acknowledged.add('first')
    const content = contentOf(bytesOf('c', 600_000))
    const keeper = owner('file c c')
    const assembly = await blocks.assemble(keeper, content.list)
    for (const index of content.list.blocks.keys())
      await assembly.write(index, content.piece(index))
    await disk.disk.rename(await assembly.finish({ mode: 0o644 }), 'files/c')
    await blocks.addContent(keeper, content)
    acknowledged.add('content')
    const second = blockOf('second', LARGE_BYTES)
    await blocks.put(second.digest, second.bytes, { owner: owner('test second') })
    acknowledged.add('second')
    await blocks.put(first.digest, first.bytes, { owner: owner('test second') })
    acknowledged.delete('first')
    await blocks.remove(owner('test first'))
    acknowledged.delete('second')
    await blocks.remove(owner('test second'))
    await blocks.gc({ now: true })
    acknowledged.add('end')
  } finally {
    await blocks.stop().catch(() => {})
  }
}

t.test('a power cut at any step loses nothing that was acknowledged, nor any room', async (t) => {
  let steps = 0
  for (let step = 1; ; step++) {
    const ground = await memoryGround()
    const { disk, store } = ground
    const acknowledged = new Set<string>()
    let count = 0
    // From that moment on nothing reaches the disk any more.
    disk.fault = () => (++count >= step ? 'EIO' : undefined)
    await live(ground, acknowledged).catch(() => {})
    disk.fault = undefined
    if (acknowledged.has('end')) {
      steps = step
      break
    }
    disk.crash('synced')
    await disk.open()
    await store.close()
    await store.open()
    const { blocks, damages } = await startBlocks(ground, { gcDelayMs: 0 })
    const content = contentOf(bytesOf('c', 600_000))
    for (const name of ['first', 'second']) {
      const { digest, bytes } = blockOf(name, LARGE_BYTES)
      if (acknowledged.has(name)) t.same(await blocks.get(digest), bytes, `${name}, ${step}`)
    }
    if (acknowledged.has('content')) {
      for (const { digest } of content.list.blocks) t.ok(await blocks.get(digest), `${step}`)
    }
    const { damagedBlocks, contradictions } = await blocks.verify()
    t.same([damagedBlocks, contradictions, damages.length], [0, 0, 0], `step ${step}`)
    for (const { owner } of [...blocks.owners()]) await blocks.remove(owner)
    await blocks.gc({ now: true })
    t.same([await disk.list('blocks'), await disk.list('partial')], [[], []], `step ${step}`)
    t.match(blocks.stat(), { storedBlocks: 0, storedBytes: 0, contents: 0, assemblies: 0 })
    await blocks.stop()
  }
  t.ok(steps > 30, `${steps} steps`)
})

t.test('what the disk has refused anything of is not gone on with', async (t) => {
  for (const kind of ['write', 'read', 'set-mode', 'sync'] as const) {
    const { store, disk } = await memoryGround()
    const { blocks } = await startBlocks({ store, disk })
    const { list, piece } = contentOf(bytesOf('c', 3 * 2 ** 20))
    const assembly = await blocks.assemble(owner('file c c'), list)
    for (const index of list.blocks.keys()) if (index > 0) await assembly.write(index, piece(index))
    if (kind !== 'write') await assembly.write(0, piece(0))
    disk.fault = (operation) => (operation.kind === kind ? 'EIO' : undefined)
    const work: Promise<unknown> =
      kind === 'write'
        ? assembly.write(0, piece(0))
        : kind === 'read'
          ? assembly.read(0)
          : assembly.finish({ mode: 0o644 })
    await t.rejects(() => work, { code: 'ERR_STATE_UNUSABLE' }, kind)
    disk.fault = undefined
    await assembly.close()
    t.same(await disk.list('partial'), [], `${kind}: nothing is left`)
    const again = await blocks.assemble(owner('file c c'), list)
    t.equal(again.haveBytes, 0, 'it begins anew')
    await again.close()
    t.equal((await disk.list('partial')).length, 1, 'what was not refused stays')
    await blocks.stop()
  }
})

t.test('what cannot be read when it is begun again is not in the way for ever', async (t) => {
  const { store, disk } = await memoryGround()
  const { blocks } = await startBlocks({ store, disk })
  const { list, piece } = contentOf(bytesOf('c', 3 * 2 ** 20))
  const assembly = await blocks.assemble(owner('file c c'), list)
  await assembly.write(0, piece(0))
  await assembly.close()
  disk.fault = ({ kind, path }) => (kind === 'read' && path.includes('partial') ? 'EIO' : undefined)
  await t.rejects(blocks.assemble(owner('file c c'), list), { code: 'ERR_STATE_UNUSABLE' })
  const again = await blocks.assemble(owner('file c c'), list)
  t.equal(again.haveBytes, 0)
  await again.close()
  await blocks.stop()
})
