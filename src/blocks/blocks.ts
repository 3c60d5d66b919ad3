import { EventEmitter } from 'node:events'
import { MeshError } from '../errors/index.ts'
import { createKeyedLock, sha256 } from '../util/index.ts'
import { createLooseBlocks } from './cache.ts'
import { createCatalogue } from './catalogue.ts'
import { createChecker } from './checker.ts'
import { createCollector } from './collector.ts'
import { mendRows } from './consistency.ts'
import { createContents } from './contents.ts'
import { createDamage } from './damage.ts'
import { createDepot } from './depot.ts'
import { createLeases } from './leases.ts'
import * as limits from './limits.ts'
import { createScrubber } from './scrubber.ts'
import { createStock } from './stock.ts'
import type { Disk } from '../disk/index.ts'
import type { Health, Logger, Worker, Workers } from '../observe/index.ts'
import type { Store } from '../store/index.ts'
import type { Clock, Digest } from '../util/index.ts'
import type { Checked } from './checker.ts'
import type { Blocks, BlocksEvents, BlocksStat, Locate } from './types.ts'

export interface BlocksComponents {
  /** Open. */
  readonly store: Store
  /** Open. */
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly health: Health
  readonly workers: Workers
  /** Where the contents of owners lie. */
  readonly locate: Locate
}

export interface BlocksInit {
  /** Room for blocks that nobody keeps. @default 1 GiB */
  readonly cacheBytes?: number
  /** Room for all blocks in the store, the cache included. @default 16 GiB */
  readonly quotaBytes?: number
  /** Pace of the check in the background; 0: only when asked for. @default 4 MiB */
  readonly scrubBytesPerSecond?: number
  /** How long a block stays that nobody keeps any more. @default 1 hour */
  readonly gcDelayMs?: number
}

const checkAbort = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted) throw new MeshError('ERR_ABORTED', 'work on a block was cancelled')
}

const checkBlock = (digest: Digest, bytes: Uint8Array): void => {
  if (bytes.length > limits.MAX_BLOCK_BYTES) {
    throw new MeshError(
      'ERR_LIMIT_EXCEEDED',
      `a block has ${bytes.length} bytes; at most ${limits.MAX_BLOCK_BYTES} may be`,
      { data: { digest, sizeBytes: bytes.length } },
    )
  }
  if (sha256(bytes) === digest) return
  throw new MeshError(
    'ERR_BLOCK_MISMATCH',
    `these ${bytes.length} bytes are not sha256:${digest}; fetch the block again`,
    { data: { digest } },
  )
}

/** A block store over a store and a disk; the rest of the disk is left alone. */
export const createBlocks = (components: BlocksComponents, init: BlocksInit = {}): Blocks => {
  const { store, disk, clock, health, workers, locate } = components
  const { cacheBytes = limits.DEFAULT_CACHE_BYTES } = init
  const { quotaBytes = limits.DEFAULT_QUOTA_BYTES } = init
  const logger = components.logger.child('blocks')
  const events = new EventEmitter<BlocksEvents>()
  const catalogue = createCatalogue(store)
  const depot = createDepot({ disk, clock, locate })
  const leases = createLeases()
  const locks = createKeyedLock()
  const loose = createLooseBlocks({ clock })
  let started: Promise<void> | undefined
  let gcWorker: Worker | undefined
  let straysAtMs = 0

  /** Has memory say of blocks what the store says; the order of callers does not matter. */
  const refresh = (digests: Iterable<Digest>): void => {
    for (const digest of digests) {
      const row = catalogue.loose(digest)
      const stored = row && catalogue.stored(digest)
      loose.set(digest, row && stored && { ...row, sizeBytes: stored.sizeBytes })
    }
  }
  const damage = createDamage({ catalogue, disk, health, logger, clock, events, refresh })

  const has = (digest: Digest): boolean =>
    stock.isStored(digest) || catalogue.isServed(digest) || contents.holding(digest) !== undefined
  const isNeeded = (digest: Digest): boolean => leases.has(digest) || contents.needs(digest)

  const stock = createStock({
    ...{ catalogue, depot, clock, locks, loose, damage, cacheBytes, quotaBytes },
    ...{ has, isNeeded, refresh },
  })
  const { room, drop, put } = stock

  const get = async (
    digest: Digest,
    signal: AbortSignal | undefined,
    into?: Uint8Array,
  ): Promise<Uint8Array | undefined> => {
    checkAbort(signal)
    const stored = await stock.get(digest, into)
    if (typeof stored !== 'string') {
      loose.touch(digest)
      return stored
    }
    for (const { owner, served } of catalogue.refs(digest, limits.MAX_READ_PLACES)) {
      if (served === undefined || served.damaged) continue
      checkAbort(signal)
      const found = await depot.readContent(owner, { digest, ...served }, into)
      if (typeof found !== 'string') return found
      if (found === 'wrong') await damage.served(digest, owner)
    }
    const held = contents.holding(digest)
    return held?.assembly.read(held.index, { into })
  }

  const contents = createContents({
    ...{ disk, catalogue, locks, clock, logger, put, get, has, refresh },
  })

  const checkStored = async (digest: Digest): Promise<Checked['outcome']> => {
    const found = await stock.get(digest)
    return typeof found !== 'string' ? 'right' : found === 'wrong' ? 'damaged' : 'gone'
  }
  const checker = createChecker({
    ...{ catalogue, disk, locate, damage, checkStored },
    onMisfit: (owner) => events.emit('misfit', owner),
    get: (digest) => get(digest, undefined),
    isWrong: async (owner, block) => (await depot.readContent(owner, block)) === 'wrong',
  })
  const scrubber = createScrubber({
    ...{ catalogue, checker, clock, damage, logger, workers },
    bytesPerSecond: init.scrubBytesPerSecond ?? limits.DEFAULT_SCRUB_BYTES_PER_SECOND,
  })
  const collector = createCollector({
    ...{ catalogue, disk, clock, logger, locks, loose, isNeeded, drop },
    delayMs: init.gcDelayMs ?? limits.GC_DELAY_MS,
    assemblies: () => contents.assemblies(),
    remove: (owner) => contents.remove(owner),
  })

  /** After a crash: a few blocks are read, so that a disk that lost much is noticed at once. */
  const checkSome = async (): Promise<void> => {
    let [blocks, bytes] = [0, 0]
    for await (const { sizeBytes, stage } of checker.walk({})) {
      if (stage !== 'stored') return
      blocks++
      bytes += sizeBytes
      if (blocks >= limits.START_CHECK_BLOCKS || bytes >= limits.START_CHECK_BYTES) return
    }
  }

  const collectInBackground = async (signal: AbortSignal): Promise<void> => {
    const nowMs = clock.monotonicMs()
    const strays = straysAtMs === 0 || nowMs - straysAtMs >= limits.STRAY_SEARCH_INTERVAL_MS
    await collector.collect({ now: false, strays, signal })
    if (strays) straysAtMs = nowMs
  }

  const start = async (): Promise<void> => {
    refresh(Array.from(catalogue.looseBlocks(), ({ key }) => key))
    await contents.recover()
    await room.shrink()
    if (store.uncleanOpens > 0) await checkSome()
    damage.review()
    damage.announce()
    gcWorker = workers.add({
      name: 'blocks-gc',
      intervalMs: limits.GC_INTERVAL_MS,
      run: collectInBackground,
    })
    scrubber.start()
  }

  const stat = (): BlocksStat => {
    const { nextOwner: _, ...totals } = catalogue.totals()
    const cached = loose.count('cache')
    const unreferenced = loose.count('unreferenced')
    return {
      ...{ ...totals, quotaBytes, cacheBytes },
      ...{ cachedBlocks: cached.blocks, cachedBytes: cached.bytes },
      unreferencedBlocks: unreferenced.blocks,
      unreferencedBytes: unreferenced.bytes,
      assemblies: contents.assemblies().length,
      damagedBlocks: catalogue.damageCount(),
      scrub: scrubber.stat(),
    }
  }

  return {
    events,
    start() {
      started ??= start()
      return started
    },
    async stop() {
      if (started === undefined) return
      await started.catch(() => {})
      started = undefined
      await scrubber.stop()
      await gcWorker?.stop()
      await contents.close()
      await depot.close()
    },
    has,
    get: (digest, { signal, into } = {}) => get(digest, signal, into),
    async put(digest, bytes, { owner, signal } = {}) {
      checkAbort(signal)
      checkBlock(digest, bytes)
      await put(digest, bytes, owner)
    },
    async pin(digest, owner) {
      if (stock.isGoing(digest)) return false
      const pinned = await catalogue.pin(digest, owner, clock.nowMs())
      refresh([digest])
      return pinned
    },
    async unpin(digest, owner) {
      await catalogue.unpin(digest, owner, clock.nowMs())
      refresh([digest])
      damage.review()
    },
    lease: (digests) => leases.take(digests),
    async addContent(owner, content, { signal } = {}) {
      await contents.add(owner, content, signal)
      damage.review()
    },
    async remove(owner) {
      await contents.remove(owner)
      damage.review()
    },
    listOf: (owner, { signal } = {}) => contents.listOf(owner, signal),
    hasContent: (owner) => catalogue.owner(owner)?.state === 'content',
    *owners() {
      for (const { key: owner, value } of catalogue.owners()) {
        const { state } = value
        if (state === 'going') continue
        yield {
          owner,
          kind: state === 'pins' ? 'pins' : state === 'assembling' ? 'assembly' : 'content',
        }
      }
    },
    assemble: (owner, list, { signal } = {}) => contents.assemble(owner, list, signal),
    assemblies: () => contents.assemblies(),
    isMisfit: (content) => catalogue.isMisfit(content),
    async noteMisfit(owner, content) {
      await catalogue.addMisfit(content)
      events.emit('misfit', owner)
    },
    stat,
    async verify({ signal, onProgress } = {}) {
      const { storedBytes, contentBytes } = catalogue.totals()
      let progress = {
        ...{ checkedBlocks: 0, checkedBytes: 0, damagedBlocks: 0 },
        totalBytes: storedBytes + contentBytes,
      }
      const nowMs = clock.nowMs()
      const check = (): void => checkAbort(signal)
      const contradictions = await mendRows(store, { nowMs, check })
      if (contradictions > 0) {
        logger.error({ contradictions }, 'rows of the block store contradicted each other')
        refresh(Array.from(catalogue.looseBlocks(), ({ key }) => key))
      }
      for await (const { sizeBytes, outcome } of checker.walk({ signal })) {
        progress = {
          ...progress,
          checkedBlocks: progress.checkedBlocks + (sizeBytes > 0 ? 1 : 0),
          checkedBytes: progress.checkedBytes + sizeBytes,
          damagedBlocks: progress.damagedBlocks + (outcome === 'damaged' ? 1 : 0),
        }
        onProgress?.(progress)
      }
      await catalogue.forgetDamage(nowMs)
      damage.review()
      return { ...progress, contradictions }
    },
    gc: ({ now = false, signal } = {}) => collector.collect({ now, strays: true, signal }),
    scrub: () => scrubber.wake(),
  }
}
