/** Block stores for tests, over twins or over the real things. */
import { createCipheriv } from 'node:crypto'
import { join } from 'node:path'
import { createBlocks, parseOwner } from '../../src/blocks/index.ts'
import { createChunker } from '../../src/chunk/index.ts'
import { createDisk, createMemoryDisk } from '../../src/disk/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../src/observe/index.ts'
import { createLmdbStore, createMemoryStore } from '../../src/store/index.ts'
import { sha256, systemRandom } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { Test } from 'tap'
import type { BlockDamage, Blocks, BlocksInit, Owner } from '../../src/blocks/index.ts'
import type { BlockList } from '../../src/chunk/index.ts'
import type { Disk, MemoryDisk } from '../../src/disk/index.ts'
import type { Health } from '../../src/observe/index.ts'
import type { Store } from '../../src/store/index.ts'
import type { Digest } from '../../src/util/index.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

/** What outlives a block store. */
export interface Ground {
  readonly store: Store
  readonly disk: Disk
}

/** A block store and everything around it. */
export interface Fixture extends Ground {
  readonly blocks: Blocks
  readonly clock: VirtualClock
  readonly health: Health
  /** Where contents lie: `files/<what comes after the kind>`, unless it is said here. */
  readonly places: Map<Owner, string | undefined>
  readonly damages: BlockDamage[]
  /** Stops it and starts another one over the same store and disk. */
  restart(init?: BlocksInit): Promise<Fixture>
}

export const owner = (text: string): Owner => parseOwner(text)

/** Bytes that look random and are the same each time. */
export const bytesOf = (seed: string, sizeBytes: number): Buffer =>
  createCipheriv('aes-256-ctr', Buffer.from(sha256(seed), 'hex'), Buffer.alloc(16)).update(
    Buffer.alloc(sizeBytes),
  )

export interface Block {
  readonly digest: Digest
  readonly bytes: Buffer
}

export const blockOf = (seed: string, sizeBytes: number): Block => {
  const bytes = bytesOf(seed, sizeBytes)
  return { bytes, digest: sha256(bytes) }
}

/** A content that is cut as it ought to be. */
export const contentOf = (
  bytes: Uint8Array,
): { bytes: Buffer; digest: Digest; list: BlockList; piece: (index: number) => Buffer } => {
  const chunker = createChunker()
  chunker.update(bytes)
  const { list, digest } = chunker.end()
  const piece = (index: number): Buffer => {
    const start = list.blocks.slice(0, index).reduce((sum, each) => sum + each.sizeBytes, 0)
    return Buffer.from(bytes.subarray(start, start + (list.blocks[index]?.sizeBytes ?? 0)))
  }
  return { bytes: Buffer.from(bytes), digest, list, piece }
}

export const memoryGround = async (): Promise<{ store: Store; disk: MemoryDisk }> => {
  const store = createMemoryStore()
  const disk = createMemoryDisk()
  await store.open()
  await disk.open()
  return { store, disk }
}

let made = 0
export const realGround = async (t: Test): Promise<Ground> => {
  const directory = join(t.testdir(), `state-${++made}`)
  const disk = createDisk(directory)
  await disk.open()
  const store = createLmdbStore({ path: join(directory, 'store') })
  await store.open()
  t.teardown(() => store.close())
  return { store, disk }
}

export const startBlocks = async (ground: Ground, init: BlocksInit = {}): Promise<Fixture> => {
  const { store, disk } = ground
  const clock = createVirtualClock()
  const logger = silentLogger
  const health = createHealth({ clock })
  const workers = createWorkers({ clock, random: systemRandom, logger })
  const places = new Map<Owner, string | undefined>()
  const damages: BlockDamage[] = []
  const blocks = createBlocks(
    {
      ...{ store, disk, clock, logger, health, workers },
      async locate(owner) {
        const path = places.has(owner) ? places.get(owner) : `files/${owner.split(' ')[1]}`
        const stat = path === undefined ? undefined : await disk.stat(path)
        return path === undefined || stat === undefined
          ? undefined
          : { path, fingerprint: stat.fingerprint }
      },
    },
    init,
  )
  blocks.events.on('damage', (damage) => damages.push(damage))
  await blocks.start()
  return {
    ...{ store, disk, blocks, clock, health, places, damages },
    async restart(next = init) {
      await blocks.stop()
      await workers.stop()
      return startBlocks(ground, next)
    },
  }
}
