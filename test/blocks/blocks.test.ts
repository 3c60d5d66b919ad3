import t from 'tap'
import { createBlocks, parseOwner } from '../../src/blocks/index.ts'
import { createChunker } from '../../src/chunk/index.ts'
import { createMemoryDisk } from '../../src/disk/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { sha256, systemClock, systemRandom } from '../../src/util/index.ts'

t.test('smoke', async (t) => {
  const store = createMemoryStore()
  await store.open()
  const disk = createMemoryDisk()
  await disk.open()
  const clock = systemClock
  const logger = silentLogger
  const blocks = createBlocks({
    ...{ store, disk, clock, logger, health: createHealth({ clock }) },
    workers: createWorkers({ clock, random: systemRandom, logger }),
    locate: (owner) => ({ path: `files/${owner.split(' ')[1]}` }),
  })
  await blocks.start()
  const a = Buffer.alloc(100, 1)
  const b = Buffer.alloc(100_000, 2)
  await blocks.put(sha256(a), a)
  await blocks.put(sha256(b), b, { owner: parseOwner('test b') })
  t.same(await blocks.get(sha256(a)), a)
  t.same(await blocks.get(sha256(b)), b)
  const content = systemRandom.bytes(3_000_000)
  const chunker = createChunker()
  chunker.update(content)
  const { list, digest } = chunker.end()
  const owner = parseOwner(`file big ${digest}`)
  const assembly = await blocks.assemble(owner, list)
  let at = 0
  for (const [index, { sizeBytes }] of list.blocks.entries()) {
    await assembly.write(index, content.subarray(at, at + sizeBytes))
    at += sizeBytes
  }
  const path = await assembly.finish({ mode: 0o644 })
  t.same(
    await blocks.get(list.blocks[0]?.digest ?? digest),
    content.subarray(0, list.blocks[0]?.sizeBytes),
  )
  await disk.rename(path, 'files/big')
  await blocks.addContent(owner, { list, digest })
  t.same(
    await blocks.get(list.blocks[1]?.digest ?? digest),
    content.subarray(
      list.blocks[0]?.sizeBytes,
      (list.blocks[0]?.sizeBytes ?? 0) + (list.blocks[1]?.sizeBytes ?? 0),
    ),
  )
  t.same(await blocks.listOf(owner), list)
  await blocks.remove(owner)
  await blocks.stop()
})
