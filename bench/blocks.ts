/** The store of blocks against plain files with the same promises: fsync when writing, hash when reading. */
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { createBlocks, parseOwner } from '../src/blocks/index.ts'
import { createDisk } from '../src/disk/index.ts'
import { createHealth, createWorkers, silentLogger } from '../src/observe/index.ts'
import { createLmdbStore } from '../src/store/index.ts'
import { forEachParallel, sha256, systemClock, systemRandom } from '../src/util/index.ts'
import { median } from './bench.ts'
import { mebibytes } from './process.ts'
import type { Benchmark, Row } from './bench.ts'
import type { Digest } from '../src/util/index.ts'

const BLOCK_BYTES = 2 ** 20
/** As many as a fetch writes at a time. */
const WIDTH = 8
/** Of the speed of plain files, which have no transaction and do not check what they write. */
const GOAL = 0.25
const MAX_BLOCKS = 256

interface Block {
  readonly digest: Digest
  readonly bytes: Uint8Array
}

const makeBlocks = (count: number): Block[] =>
  Array.from({ length: count }, () => {
    const bytes = systemRandom.bytes(BLOCK_BYTES)
    return { bytes, digest: sha256(bytes) }
  })

const timed = async (work: () => Promise<void>): Promise<number> => {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

/** One block a file, durable, in one directory. */
const plain = async (directory: string, blocks: readonly Block[]) => {
  await mkdir(directory)
  const write = await timed(() =>
    forEachParallel(blocks, WIDTH, async ({ digest, bytes }) => {
      const file = await open(join(directory, digest), 'wx')
      await file.write(bytes)
      await file.sync()
      await file.close()
    }),
  )
  const read = await timed(() =>
    forEachParallel(blocks, WIDTH, async ({ digest }) => {
      const file = await open(join(directory, digest))
      const bytes = Buffer.allocUnsafe(BLOCK_BYTES)
      await file.read(bytes, 0, BLOCK_BYTES, 0)
      await file.close()
      if (sha256(bytes) !== digest) throw new Error('the disk lies')
    }),
  )
  return { write, read }
}

const stored = async (directory: string, blocks: readonly Block[]) => {
  const disk = createDisk(directory)
  await disk.open()
  // As in a store that is in use: its 256 directories are there.
  for (let byte = 0; byte < 256; byte++) {
    const name = byte.toString(16).padStart(2, '0')
    await mkdir(join(directory, 'blocks', name), { recursive: true, mode: 0o700 })
  }
  const store = createLmdbStore({ path: join(directory, 'store') })
  await store.open()
  const clock = systemClock
  const logger = silentLogger
  const target = createBlocks({
    ...{ disk, store, clock, logger, health: createHealth({ clock }), locate: () => undefined },
    workers: createWorkers({ clock, logger, random: systemRandom }),
  })
  await target.start()
  const owner = parseOwner('bench blocks')
  const write = await timed(() =>
    forEachParallel(blocks, WIDTH, ({ digest, bytes }) => target.put(digest, bytes, { owner })),
  )
  const read = await timed(() =>
    forEachParallel(blocks, WIDTH, async ({ digest }) => {
      if ((await target.get(digest)) === undefined) throw new Error('it is lost')
    }),
  )
  await target.stop()
  await store.close()
  return { write, read }
}

export const benchmark: Benchmark = async (log, { bytes, runs }) => {
  const count = Math.min(MAX_BLOCKS, Math.max(8, Math.floor(bytes / BLOCK_BYTES)))
  const blocks = makeBlocks(count)
  const found: { readonly store: Timed; readonly files: Timed }[] = []
  for (let run = 0; run < runs; run++) {
    log(`  run ${run + 1}: ${mebibytes(count * BLOCK_BYTES)} each`)
    // Where the machine keeps its data, not in a file system in memory.
    const directory = mkdtempSync(join(process.cwd(), '.bench-blocks-'))
    try {
      const files = await plain(join(directory, 'plain'), blocks)
      found.push({ files, store: await stored(join(directory, 'store'), blocks) })
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  const rowOf = (kind: keyof Timed, what: string, how: string): Row => {
    const perSecond = (ms: number): number => (count * 1000) / ms
    const ours = median(found.map(({ store }) => perSecond(store[kind])))
    const theirs = median(found.map(({ files }) => perSecond(files[kind])))
    const ratio = median(found.map(({ store, files }) => files[kind] / store[kind]))
    return {
      what: `${what}, ${WIDTH} at a time`,
      measured: `${ours.toFixed(0)} MiB/s`,
      baseline: `${theirs.toFixed(0)} MiB/s, ${how}`,
      ratio: ratio.toFixed(2),
      goal: `≥ ${GOAL}`,
      reached: ratio >= GOAL,
      data: { oursMibPerSecond: ours, theirsMibPerSecond: theirs, ratio, blocks: count },
    }
  }
  return [
    rowOf('write', 'blocks of 1 MiB put durably', 'files written and fsynced'),
    rowOf('read', 'blocks of 1 MiB read and checked', 'files read and hashed'),
  ]
}

interface Timed {
  readonly write: number
  readonly read: number
}
