/** What every block store does: over LMDB and a real disk, and over their twins in memory. */
import { blockOf, bytesOf, contentOf, owner, startBlocks } from '../blocks/fixture.ts'
import { encodeBlockList } from '../../src/chunk/index.ts'
import { sha256 } from '../../src/util/index.ts'
import type { Test } from 'tap'
import type { BlocksInit } from '../../src/blocks/index.ts'
import type { Fixture, Ground } from '../blocks/fixture.ts'

const SMALL = 1_000
const LARGE = 40_000

export const testBlocks = (
  t: Test,
  label: string,
  make: (t: Test) => Promise<Ground>,
  /** Blocks of the longest list. */
  listed: number,
): void => {
  void t.test(label, async (t) => testEach(t, make, listed))
}

const testEach = (t: Test, make: (t: Test) => Promise<Ground>, listed: number): void => {
  const opened = async (t: Test, init: BlocksInit = {}): Promise<Fixture> => {
    const fixture = await startBlocks(await make(t), init)
    t.teardown(() => fixture.blocks.stop())
    return fixture
  }

  /** A content in its file, served out of it. */
  const publish = async (fixture: Fixture, name: string, bytes: Uint8Array) => {
    const content = contentOf(bytes)
    const keeper = owner(`file ${name} ${content.digest}`)
    await fixture.disk.write(`files/${name}`, bytes, { mode: 0o644 })
    await fixture.blocks.addContent(keeper, content)
    return { ...content, keeper }
  }

  t.test('gives back what was put, small and large, also after a restart', async (t) => {
    const first = await opened(t)
    const all = [0, 1, SMALL, 16 * 1024, 16 * 1024 + 1, LARGE].map((size) => blockOf('x', size))
    for (const { digest, bytes } of all) await first.blocks.put(digest, bytes)
    t.equal(first.blocks.stat().storedBlocks, all.length)
    const again = await first.restart()
    for (const { digest, bytes } of all) {
      t.ok(again.blocks.has(digest))
      t.same(await again.blocks.get(digest), bytes)
    }
    t.equal(again.blocks.has(sha256('other')), false)
    t.equal(await again.blocks.get(sha256('other')), undefined)
    t.equal(await again.blocks.get('f'.repeat(64) as never), undefined, 'the last of all names')
    await again.blocks.stop()
  })

  t.test('stores the same bytes once, whoever keeps them', async (t) => {
    const { blocks } = await opened(t)
    const { digest, bytes } = blockOf('x', LARGE)
    await Promise.all([
      blocks.put(digest, bytes),
      blocks.put(digest, bytes, { owner: owner('test a') }),
      blocks.put(digest, bytes, { owner: owner('test b') }),
    ])
    t.match(blocks.stat(), { storedBlocks: 1, storedBytes: LARGE, cachedBlocks: 0 })
  })

  t.test('refuses bytes that are not the block, and blocks that are too large', async (t) => {
    const { blocks } = await opened(t)
    const { digest } = blockOf('x', SMALL)
    await t.rejects(blocks.put(digest, bytesOf('y', SMALL)), { code: 'ERR_BLOCK_MISMATCH' })
    const huge = Buffer.alloc(4 * 2 ** 20 + 1)
    await t.rejects(blocks.put(sha256(huge), huge), { code: 'ERR_LIMIT_EXCEEDED' })
    t.equal(blocks.stat().storedBlocks, 0)
    const signal = AbortSignal.abort()
    await t.rejects(blocks.get(digest, { signal }), { code: 'ERR_ABORTED' })
    await t.rejects(blocks.put(digest, bytesOf('x', SMALL), { signal }), { code: 'ERR_ABORTED' })
  })

  t.test('keeps a block until its last owner has gone, and a while longer', async (t) => {
    const { blocks, clock } = await opened(t, { gcDelayMs: 1_000 })
    const { digest, bytes } = blockOf('x', LARGE)
    const [a, b] = [owner('test a'), owner('test b')]
    await blocks.put(digest, bytes, { owner: a })
    t.equal(await blocks.pin(digest, b), true)
    t.equal(await blocks.pin(sha256('none'), b), false, 'what is not here cannot be pinned')
    await blocks.unpin(digest, a)
    await blocks.unpin(digest, a)
    await clock.advance(2_000)
    t.match(await blocks.gc(), { removedBlocks: 0 })
    t.same([...blocks.owners()], [{ owner: b, kind: 'pins' }])
    await blocks.remove(b)
    t.match(blocks.stat(), { unreferencedBlocks: 1 })
    t.match(await blocks.gc(), { removedBlocks: 0, waitingBlocks: 1 }, 'not yet')
    t.ok(blocks.has(digest))
    await clock.advance(2_000)
    t.match(await blocks.gc(), { removedBlocks: 1, removedBytes: LARGE })
    t.notOk(blocks.has(digest))
    t.match(blocks.stat(), { storedBlocks: 0, storedBytes: 0, unreferencedBlocks: 0 })
  })

  t.test('leaves alone what somebody needs, and what is kept again in time', async (t) => {
    const { blocks, disk } = await opened(t)
    const [needed, again, gone] = ['n', 'a', 'g'].map((seed) => blockOf(seed, LARGE))
    if (!needed || !again || !gone) throw new Error('three')
    for (const { digest, bytes } of [needed, again, gone]) {
      await blocks.put(digest, bytes, { owner: owner('test a') })
    }
    await blocks.remove(owner('test a'))
    const lease = blocks.lease([needed.digest])
    await blocks.pin(again.digest, owner('test b'))
    t.match(await blocks.gc({ now: true }), { removedBlocks: 1, waitingBlocks: 1 })
    t.same(await blocks.get(needed.digest), needed.bytes)
    t.same(await blocks.get(again.digest), again.bytes)
    lease.release()
    lease.release()
    t.match(await blocks.gc({ now: true }), { removedBlocks: 1, waitingBlocks: 0 })
    t.notOk(blocks.has(needed.digest))
    t.equal((await disk.list('blocks')).length, 1, 'the room comes back')
  })

  t.test('serves a content out of its file without copying it', async (t) => {
    const fixture = await opened(t)
    const { blocks, disk, places } = fixture
    const { keeper, list, digest, piece } = await publish(fixture, 'big', bytesOf('b', 3_000_000))
    t.ok(list.blocks.length > 1)
    for (const [index, block] of list.blocks.entries()) {
      t.ok(blocks.has(block.digest))
      t.same(await blocks.get(block.digest), piece(index))
    }
    t.match(blocks.stat(), { contents: 1, contentBytes: 3_000_000, storedBlocks: 1 })
    t.same(await disk.list('blocks'), [], 'the list alone is stored, and it is small')
    t.same(await blocks.listOf(keeper), list)
    t.same(await blocks.get(sha256(encodeBlockList(list))), Buffer.from(encodeBlockList(list)))
    const block = list.blocks[0]?.digest ?? digest
    await disk.rename('files/big', 'content/aside')
    t.equal(await blocks.get(block), undefined, 'it lies nowhere for the moment')
    places.set(keeper, 'content/aside')
    t.same(await blocks.get(block), piece(0), 'and is found where it went')
    await blocks.remove(keeper)
    t.notOk(blocks.has(block))
    t.equal(blocks.hasContent(keeper), false)
    t.match(blocks.stat(), { contents: 0, contentBlocks: 0, contentBytes: 0 })
  })

  t.test('serves a block that many contents have while one of them is there', async (t) => {
    const fixture = await opened(t)
    const { blocks } = fixture
    const bytes = bytesOf('b', 300_000)
    const contents = []
    for (let index = 0; index < 20; index++) {
      contents.push(await publish(fixture, `f${index}`, bytes))
    }
    const block = contents[0]?.list.blocks[0]?.digest ?? sha256('')
    for (const { keeper } of contents) {
      t.ok((await blocks.get(block)) !== undefined)
      await blocks.remove(keeper)
    }
    t.notOk(blocks.has(block))
    await blocks.gc({ now: true })
    t.equal(blocks.stat().storedBlocks, 0)
  })

  t.test('replaces the content of an owner, and forgets the blocks of the former', async (t) => {
    const fixture = await opened(t)
    const { blocks, disk } = fixture
    const before = contentOf(bytesOf('a', 700_000))
    const after = contentOf(bytesOf('b', 700_000))
    const keeper = owner('file same name')
    await disk.write('files/same', before.bytes, { mode: 0o644 })
    await blocks.addContent(keeper, before)
    await disk.write('files/same', after.bytes, { mode: 0o644 })
    await blocks.addContent(keeper, after)
    for (const { digest } of before.list.blocks) t.notOk(blocks.has(digest))
    for (const { digest } of after.list.blocks) t.ok(await blocks.get(digest))
    t.match(blocks.stat(), { contents: 1, contentBytes: 700_000, unreferencedBlocks: 1 })
  })

  t.test('puts a content together in any order and serves it meanwhile', async (t) => {
    const { blocks, disk } = await opened(t)
    const { bytes, digest, list, piece } = contentOf(bytesOf('c', 3_000_000))
    const keeper = owner(`file big ${digest}`)
    const assembly = await blocks.assemble(keeper, list)
    await t.rejects(blocks.assemble(keeper, list), /already/)
    const order = [...list.blocks.keys()].reverse()
    for (const index of order) {
      t.notOk(assembly.has(index))
      t.equal(await assembly.read(index), undefined)
      await t.rejects(assembly.write(index, bytesOf('bad', list.blocks[index]?.sizeBytes ?? 0)), {
        code: 'ERR_BLOCK_MISMATCH',
      })
      await t.rejects(assembly.write(index, bytesOf('bad', 5)), { code: 'ERR_BLOCK_MISMATCH' })
      await t.rejects(assembly.finish({ mode: 0o600 }), { code: 'ERR_BLOCK_MISMATCH' })
      await assembly.write(index, piece(index))
      t.same(await assembly.read(index), piece(index))
      t.same(await blocks.get(list.blocks[index]?.digest ?? digest), piece(index))
    }
    t.equal(assembly.haveBytes, bytes.length)
    t.same([...assembly.missing()], [])
    const path = await assembly.finish({ mode: 0o644 })
    await disk.rename(path, 'files/big')
    t.same(await blocks.get(list.blocks[0]?.digest ?? digest), piece(0), 'still served')
    await blocks.addContent(keeper, { list, digest })
    t.same(await disk.read('files/big', { maxBytes: bytes.length }), bytes)
    t.same(blocks.assemblies(), [])
    t.same(await blocks.get(list.blocks[0]?.digest ?? digest), piece(0))
  })

  t.test('goes on with what is right of an assembly after a restart', async (t) => {
    const first = await opened(t)
    const { digest, list, piece } = contentOf(bytesOf('c', 6_000_000))
    const keeper = owner(`file big ${digest}`)
    const assembly = await first.blocks.assemble(keeper, list)
    await assembly.write(0, piece(0))
    await assembly.write(2, piece(2))
    const again = await first.restart()
    t.match(again.blocks.assemblies(), [{ owner: keeper, running: false, sizeBytes: 6_000_000 }])
    const listed = await again.blocks.listOf(keeper)
    t.same(listed, list, 'the list is known too')
    const file = await again.disk.edit('partial/1', { sizeBytes: list.sizeBytes })
    const secondAt = (list.blocks[0]?.sizeBytes ?? 0) + (list.blocks[1]?.sizeBytes ?? 0)
    await file.write(Buffer.from('damage'), secondAt + 10_000)
    await file.close()
    const resumed = await again.blocks.assemble(keeper, list)
    t.equal(resumed.has(0), true)
    t.equal(resumed.has(1), false)
    t.equal(resumed.has(2), false, 'what was damaged meanwhile is fetched again')
    await resumed.discard()
    t.same(again.blocks.assemblies(), [])
    t.same(await again.disk.list('partial'), [])
    t.same([...again.blocks.owners()], [])
    await again.blocks.stop()
  })

  t.test('fills an assembly with what is on this machine already', async (t) => {
    const fixture = await opened(t)
    const { blocks } = fixture
    const old = await publish(fixture, 'old', bytesOf('base', 4_000_000))
    const changed = Buffer.from(old.bytes)
    changed.write('one change', 2_000_000)
    const { digest, list, piece } = contentOf(changed)
    const differing = [...list.blocks.keys()].filter(
      (index) => !old.list.blocks.some((block) => block.digest === list.blocks[index]?.digest),
    )
    const cached = differing[0] ?? 0
    await blocks.put(list.blocks[cached]?.digest ?? digest, piece(cached))
    const assembly = await blocks.assemble(owner(`file new ${digest}`), list)
    const seen: number[] = []
    const copied = await assembly.copyLocal({ onBlock: (index) => seen.push(index) })
    t.same([...assembly.missing()], differing.slice(1))
    t.equal(copied, assembly.haveBytes)
    t.equal(seen.length, list.blocks.length - differing.length + 1)
  })

  t.test('writes a block wherever it occurs', async (t) => {
    const { blocks } = await opened(t)
    const { digest, list, piece } = contentOf(Buffer.alloc(9 * 2 ** 20))
    t.equal(list.blocks[0]?.digest, list.blocks[1]?.digest, 'zeros are all alike')
    const assembly = await blocks.assemble(owner(`file zeros ${digest}`), list)
    await assembly.write(0, piece(0))
    t.same([...assembly.missing()], [list.blocks.length - 1])
  })

  t.test('keeps the cache below its size by what is asked for least', async (t) => {
    const { blocks, clock } = await opened(t, { cacheBytes: 10 * LARGE })
    const made = Array.from({ length: 10 }, (_, index) => blockOf(`${index}`, LARGE))
    for (const { digest, bytes } of made) await blocks.put(digest, bytes)
    for (const index of [0, 3]) await blocks.get(made[index]?.digest ?? sha256(''))
    const pinned = blockOf('pinned', LARGE)
    await blocks.put(pinned.digest, pinned.bytes, { owner: owner('test a') })
    await clock.advance(60_000)
    const more = blockOf('more', LARGE)
    await blocks.put(more.digest, more.bytes)
    t.ok(blocks.stat().cachedBytes <= 10 * LARGE)
    t.ok(blocks.has(more.digest) && blocks.has(pinned.digest))
    t.ok(blocks.has(made[0]?.digest ?? sha256('')) && blocks.has(made[3]?.digest ?? sha256('')))
    const huge = blockOf('huge', 11 * LARGE)
    await blocks.put(huge.digest, huge.bytes)
    t.notOk(blocks.has(huge.digest), 'what is larger than the cache is not worth it')
  })

  t.test('refuses what is above the quota after making room, and says so', async (t) => {
    const { blocks } = await opened(t, { quotaBytes: 5 * LARGE })
    const made = Array.from({ length: 8 }, (_, index) => blockOf(`${index}`, LARGE))
    for (const { digest, bytes } of made.slice(0, 3)) await blocks.put(digest, bytes)
    for (const { digest, bytes } of made.slice(3)) {
      await blocks.put(digest, bytes, { owner: owner('test a') })
    }
    t.match(blocks.stat(), { storedBlocks: 5, cachedBlocks: 0 }, 'the cache made way')
    const one = blockOf('one', LARGE)
    await t.rejects(blocks.put(one.digest, one.bytes, { owner: owner('test b') }), {
      code: 'ERR_BLOCK_QUOTA',
      message: /blocks\.quota/,
    })
    await blocks.put(one.digest, one.bytes)
    t.notOk(blocks.has(one.digest), 'cache does not fit either, which is no error')
    await blocks.remove(owner('test a'))
    await blocks.put(one.digest, one.bytes, { owner: owner('test b') })
    t.match(blocks.stat(), { storedBlocks: 5 }, 'what nobody keeps any more makes way')
  })

  t.test('shrinks the cache when it was made smaller', async (t) => {
    const first = await opened(t)
    for (let index = 0; index < 10; index++) {
      const { digest, bytes } = blockOf(`${index}`, LARGE)
      await first.blocks.put(digest, bytes)
    }
    const again = await first.restart({ cacheBytes: 4 * LARGE })
    t.ok(again.blocks.stat().cachedBytes <= 4 * LARGE)
    t.equal((await again.disk.list('blocks')).length, again.blocks.stat().cachedBlocks)
    await again.blocks.stop()
  })

  t.test('puts damage aside, says so, asks for it again, and is content afterwards', async (t) => {
    const fixture = await opened(t)
    const { blocks, disk, damages, health } = fixture
    const kept = blockOf('kept', LARGE)
    const cached = blockOf('cached', LARGE)
    await blocks.put(kept.digest, kept.bytes, { owner: owner('test a') })
    await blocks.put(cached.digest, cached.bytes)
    const { keeper, list, digest } = await publish(fixture, 'big', bytesOf('b', 2_000_000))
    const first = list.blocks[0]?.digest ?? digest
    for (const path of await disk.list('blocks')) {
      await disk.write(path, bytesOf('rot', LARGE), { mode: 0o600 })
    }
    const file = await disk.edit('files/big', { sizeBytes: 1_999_000 })
    await file.write(Buffer.from('rot'), 5)
    await file.close()
    for (const each of [kept.digest, cached.digest, first]) {
      t.equal(await blocks.get(each), undefined)
      t.notOk(blocks.has(each))
    }
    t.same(damages, [
      { digest: kept.digest, owner: 'test a', where: 'stored' },
      { digest: cached.digest, owner: undefined, where: 'stored' },
      { digest: first, owner: keeper, where: 'content' },
    ])
    t.match(health.list(), [{ code: 'blocks-damaged', message: /3 blocks/ }])
    t.equal((await disk.list('blocks-damaged')).length, 2)
    t.same(await disk.list('blocks'), [])

    const again = await fixture.restart()
    t.match(again.health.list(), [{ code: 'blocks-damaged' }])
    t.equal(again.damages.length, 2, 'asked for again: what somebody keeps')
    t.equal((await again.blocks.verify()).damagedBlocks, 2, 'the end was cut off too')
    await again.clock.advance(1)
    await again.blocks.put(kept.digest, kept.bytes)
    await again.disk.write('files/big', bytesOf('b', 2_000_000), { mode: 0o644 })
    await again.blocks.addContent(keeper, { list, digest })
    t.same(await again.blocks.get(kept.digest), kept.bytes)
    t.ok(await again.blocks.get(first))
    t.match(await again.blocks.verify(), { damagedBlocks: 0, contradictions: 0 })
    t.same(again.health.list(), [])
    await again.blocks.unpin(kept.digest, owner('test a'))
    t.equal(again.blocks.stat().unreferencedBlocks, 1, 'it was pinned all the time')
    await again.blocks.stop()
  })

  t.test('notices a stored block whose file is gone', async (t) => {
    const { blocks, disk, damages } = await opened(t)
    const { digest, bytes } = blockOf('x', LARGE)
    await blocks.put(digest, bytes, { owner: owner('test a') })
    await disk.remove(`blocks/${digest.slice(0, 2)}/${digest}`)
    t.match(await blocks.verify(), { checkedBlocks: 1, damagedBlocks: 1 })
    t.match(damages, [{ digest, owner: 'test a' }])
    await blocks.put(digest, bytes)
    t.same(await blocks.get(digest), bytes)
  })

  t.test('notices a content whose blocks are right and which is wrong as a whole', async (t) => {
    const { blocks, disk, damages } = await opened(t)
    const { list, bytes } = contentOf(bytesOf('c', 600_000))
    const keeper = owner('file c c')
    await disk.write('files/c', bytes, { mode: 0o644 })
    await blocks.addContent(keeper, { list, digest: sha256('something else') })
    t.match(await blocks.verify(), { damagedBlocks: 1 })
    t.same(damages, [{ digest: undefined, owner: keeper, where: 'content' }])
    t.equal(blocks.stat().damagedBlocks, 1)
    await blocks.addContent(keeper, { list, digest: sha256(bytes) })
    t.equal(blocks.stat().damagedBlocks, 0)
  })

  t.test(
    'is content with a content that was wrong as a whole and was put together anew',
    async (t) => {
      const { blocks, disk } = await opened(t)
      const { list, bytes, piece } = contentOf(bytesOf('c', 600_000))
      const wrong = { list, digest: sha256('something else') }
      const keeper = owner('file c c')
      await disk.write('files/c', bytes, { mode: 0o644 })
      await blocks.addContent(keeper, wrong)
      t.match(await blocks.verify(), { damagedBlocks: 1 })
      const assembly = await blocks.assemble(keeper, list)
      for (const index of assembly.missing()) await assembly.write(index, piece(index))
      t.equal(blocks.stat().damagedBlocks, 1, 'not mended yet')
      await disk.rename(await assembly.finish({ mode: 0o644 }), 'files/c')
      await blocks.addContent(keeper, wrong)
      t.equal(blocks.stat().damagedBlocks, 0)
    },
  )

  t.test('leaves a file alone that has taken the place of a content', async (t) => {
    const ground = await make(t)
    const { blocks, disk, damages } = await startBlocks(ground)
    t.teardown(() => blocks.stop())
    const { list, digest, bytes } = contentOf(bytesOf('c', 600_000))
    await disk.write('files/c', bytes, { mode: 0o644 })
    await blocks.addContent(owner('file c c'), { list, digest })
    await blocks.stop()
    const stale = (await disk.stat('files/c'))?.fingerprint ?? ''
    await disk.write('files/c', bytesOf('other', 600_000), { mode: 0o644 })
    const { createBlocks } = await import('../../src/blocks/index.ts')
    const { createHealth, createWorkers, silentLogger } = await import('../../src/observe/index.ts')
    const { systemClock, systemRandom } = await import('../../src/util/index.ts')
    const clock = systemClock
    const logger = silentLogger
    const careful = createBlocks({
      ...{ ...ground, clock, logger, health: createHealth({ clock }) },
      workers: createWorkers({ clock, logger, random: systemRandom }),
      locate: () => ({ path: 'files/c', fingerprint: stale }),
    })
    await careful.start()
    t.equal(await careful.get(list.blocks[0]?.digest ?? digest), undefined)
    t.same(damages, [], 'it may just have been replaced')
    careful.events.on('damage', (damage) => damages.push(damage))
    t.match(await careful.verify(), { damagedBlocks: 1 })
    const keeper = 'file c c'
    t.same(damages, [{ digest: undefined, owner: keeper, where: 'content' }], 'it stays so')
    await careful.stop()
  })

  t.test('scrubs in the background at its pace, and goes on where it was', async (t) => {
    const first = await opened(t, { scrubBytesPerSecond: 2 ** 20 })
    const contents = []
    for (let index = 0; index < 4; index++) {
      contents.push(await publish(first, `f${index}`, bytesOf(`${index}`, 5 * 2 ** 20)))
    }
    t.match(first.blocks.stat().scrub, { running: false, endedAtMs: undefined })
    first.blocks.scrub()
    const isUnderWay = (fixture: Fixture) => () =>
      fixture.blocks.stat().scrub.checkedBytes >= 8 * 2 ** 20
    for (let turn = 0; turn < 10_000 && !isUnderWay(first)(); turn++) await first.clock.settle()
    t.ok(first.blocks.stat().scrub.checkedBytes < 16 * 2 ** 20, 'one step, then it waits')
    await first.clock.advance(1_000)
    t.ok(first.blocks.stat().scrub.checkedBytes < 16 * 2 ** 20)
    const again = await first.restart()
    const before = again.blocks.stat().scrub
    t.match(before, { running: true })
    const path = 'files/f3'
    await again.disk.write(path, bytesOf('damage', 5 * 2 ** 20), { mode: 0o644 })
    for (let turn = 0; turn < 10_000 && again.blocks.stat().scrub.running; turn++) {
      await again.clock.advance(1_000)
    }
    const { running, checkedBytes, damagedBlocks, endedAtMs } = again.blocks.stat().scrub
    t.notOk(running)
    t.ok(endedAtMs !== undefined && checkedBytes >= 20 * 2 ** 20)
    t.equal(damagedBlocks, contents[3]?.list.blocks.length)
    t.equal(again.damages.length, damagedBlocks)
    await again.blocks.stop()
  })

  t.test('finds files that no row speaks of', async (t) => {
    const { blocks, disk } = await opened(t)
    const { digest, bytes } = blockOf('x', LARGE)
    await blocks.put(digest, bytes)
    const stray = blockOf('stray', LARGE)
    const strayPath = `blocks/${stray.digest.slice(0, 2)}/${stray.digest}`
    await disk.write(strayPath, stray.bytes, { mode: 0o600 })
    await disk.write(`blocks/aa/readme`, Buffer.from('hello'), { mode: 0o600 })
    await disk.write('partial/77', Buffer.from('left'), { mode: 0o600 })
    const running = await blocks.assemble(owner('file a a'), contentOf(bytesOf('a', 300_000)).list)
    t.match(await blocks.gc(), { strayFiles: 3, strayBytes: LARGE + 9, removedBlocks: 0 })
    t.equal((await disk.list('blocks')).length, 1)
    t.equal((await disk.list('partial')).length, 1)
    t.same(await blocks.get(digest), bytes)
    await running.close()
  })

  t.test('gives up an assembly that nobody goes on with', async (t) => {
    const { blocks, clock, disk } = await opened(t)
    const { list } = contentOf(bytesOf('a', 300_000))
    const assembly = await blocks.assemble(owner('file a a'), list)
    await assembly.close()
    t.match(await blocks.gc(), { abandonedAssemblies: 0 })
    clock.jumpWall(8 * 86_400_000)
    t.match(await blocks.gc(), { abandonedAssemblies: 1 })
    t.same(await disk.list('partial'), [])
    t.same(blocks.assemblies(), [])
  })

  t.test(`takes a list of ${listed} blocks`, async (t) => {
    const fixture = await opened(t)
    const { blocks, places } = fixture
    const count = listed
    const sizeBytes = 256 * 1024
    const list = {
      blocks: Array.from({ length: count }, (_, index) => ({
        digest: sha256(`block ${index}`),
        sizeBytes,
      })),
      sizeBytes: count * sizeBytes,
    }
    const keeper = owner('file huge huge')
    places.set(keeper, undefined)
    await blocks.addContent(keeper, { list, digest: sha256('huge') })
    t.match(blocks.stat(), { contentBlocks: count })
    t.ok(blocks.has(sha256(`block ${count - 1}`)))
    t.equal((await blocks.listOf(keeper))?.blocks.length, count)
    await blocks.remove(keeper)
    t.notOk(blocks.has(sha256(`block ${count - 1}`)))
    t.match(blocks.stat(), { contents: 0, contentBlocks: 0 })
  })
}
