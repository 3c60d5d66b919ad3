import { EventEmitter } from 'node:events'
import { MeshError } from '../errors/index.ts'
import { createKeyedLock, sha256 } from '../util/index.ts'
import { createLooseBlocks } from './cache.ts'
import { createCatalogue } from './catalogue.ts'
import { createContents } from './contents.ts'
import { createDepot } from './depot.ts'
import { createLeases } from './leases.ts'
import { DEFAULT_CACHE_BYTES, DEFAULT_QUOTA_BYTES, MAX_BLOCK_BYTES } from './limits.ts'
import { MAX_INLINE_BLOCK_BYTES, MAX_READ_PLACES } from './limits.ts'
import type { Disk } from '../disk/index.ts'
import type { Health, Logger, Workers } from '../observe/index.ts'
import type { Store } from '../store/index.ts'
import type { Clock, Digest } from '../util/index.ts'
import type { Blocks, BlocksEvents, Locate, Owner } from './types.ts'

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
}

const checkAbort = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted) throw new MeshError('ERR_ABORTED', 'work on a block was cancelled')
}

const checkBlock = (digest: Digest, bytes: Uint8Array): void => {
  if (bytes.length > MAX_BLOCK_BYTES) {
    throw new MeshError(
      'ERR_LIMIT_EXCEEDED',
      `a block has ${bytes.length} bytes; at most ${MAX_BLOCK_BYTES} may be`,
      { data: { digest, sizeBytes: bytes.length } },
    )
  }
  if (sha256(bytes) === digest) return
  throw new MeshError(
    'ERR_BLOCK_MISMATCH',
    `these ${bytes.length} bytes are not sha256:${digest}`,
    {
      data: { digest },
    },
  )
}

/** A block store over a store and a disk; the rest of the disk is left alone. */
export const createBlocks = (components: BlocksComponents, init: BlocksInit = {}): Blocks => {
  const { store, disk, clock, logger: parent, locate } = components
  const { cacheBytes = DEFAULT_CACHE_BYTES, quotaBytes = DEFAULT_QUOTA_BYTES } = init
  const logger = parent.child('blocks')
  const events = new EventEmitter<BlocksEvents>()
  const catalogue = createCatalogue(store)
  const depot = createDepot({ disk, locate })
  const leases = createLeases()
  const locks = createKeyedLock()
  const loose = createLooseBlocks()

  /** Has memory say of blocks what the store says; the order of callers does not matter. */
  const refresh = (digests: Iterable<Digest>): void => {
    for (const digest of digests) {
      const row = catalogue.loose(digest)
      const stored = row && catalogue.stored(digest)
      loose.set(digest, row && stored && { ...row, sizeBytes: stored.sizeBytes })
    }
  }

  const has = (digest: Digest): boolean =>
    catalogue.stored(digest) !== undefined ||
    catalogue.isServed(digest) ||
    contents.holding(digest) !== undefined

  const damaged = (
    digest: Digest,
    owners: readonly (Owner | undefined)[],
    where: 'content' | 'stored',
  ): void => {
    logger.error({ digest, owners, where }, 'a block is damaged')
    for (const owner of owners) events.emit('damage', { digest, owner, where })
  }

  const getStored = async (digest: Digest): Promise<Uint8Array | undefined> => {
    const stored = catalogue.stored(digest)
    if (stored === undefined) return undefined
    const inline = stored.place === 'inline' ? catalogue.inlineBytes(digest) : undefined
    if (inline !== undefined && sha256(inline) === digest) return inline
    if (stored.place === 'file') {
      const found = await depot.readFile(digest, stored.sizeBytes)
      if (typeof found !== 'string') return found
    }
    await locks.run(digest, async () => {
      if (catalogue.stored(digest) === undefined) return
      const owners = await catalogue.loseStored(digest, clock.nowMs())
      refresh([digest])
      damaged(digest, owners.length > 0 ? owners : [undefined], 'stored')
    })
    return undefined
  }

  const get = async (
    digest: Digest,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array | undefined> => {
    checkAbort(signal)
    const stored = await getStored(digest)
    if (stored !== undefined) return stored
    for (const { owner, served } of catalogue.refs(digest, MAX_READ_PLACES)) {
      if (served === undefined || served.damaged) continue
      checkAbort(signal)
      const found = await depot.readContent(owner, { digest, ...served })
      if (typeof found !== 'string') return found
      if (found === 'wrong' && (await catalogue.loseServed(digest, owner, clock.nowMs()))) {
        damaged(digest, [owner], 'content')
      }
    }
    const held = contents.holding(digest)
    return held?.assembly.read(held.index)
  }

  const put = (digest: Digest, bytes: Uint8Array, owner?: Owner): Promise<void> =>
    locks.run(digest, async () => {
      const isHere = catalogue.stored(digest) !== undefined
      if (owner === undefined && !isHere && has(digest)) return
      const isSmall = bytes.length <= MAX_INLINE_BLOCK_BYTES
      if (!isHere && !isSmall) await depot.writeFile(digest, bytes)
      await catalogue.keep(digest, {
        ...{ sizeBytes: bytes.length, nowMs: clock.nowMs() },
        ...(isSmall ? { inline: bytes } : {}),
        ...(owner === undefined ? {} : { owner }),
      })
      refresh([digest])
    })

  const contents = createContents({ disk, catalogue, locks, clock, put, get, has, refresh })

  return {
    events,
    async start() {
      refresh(Array.from(catalogue.looseBlocks(), ({ key }) => key))
      await contents.recover()
    },
    async stop() {
      await contents.close()
    },
    has,
    get: (digest, { signal } = {}) => get(digest, signal),
    async put(digest, bytes, { owner, signal } = {}) {
      checkAbort(signal)
      checkBlock(digest, bytes)
      await put(digest, bytes, owner)
    },
    async pin(digest, owner) {
      const pinned = await catalogue.pin(digest, owner, clock.nowMs())
      refresh([digest])
      return pinned
    },
    async unpin(digest, owner) {
      await catalogue.unpin(digest, owner, clock.nowMs())
      refresh([digest])
    },
    lease: (digests) => leases.take(digests),
    addContent: (owner, content, { signal } = {}) => contents.add(owner, content, signal),
    remove: (owner) => contents.remove(owner),
    listOf: (owner, { signal } = {}) => contents.listOf(owner, signal),
    hasContent: (owner) => catalogue.owner(owner)?.state === 'content',
    *owners() {
      for (const { key: owner, value } of catalogue.owners()) {
        if (value.state === 'going') continue
        const { state } = value
        const kind =
          state === 'pins' ? 'pins' : state === 'assembling' ? 'assembly' : ('content' as const)
        yield { owner, kind }
      }
    },
    assemble: (owner, list, { signal } = {}) => contents.assemble(owner, list, signal),
    assemblies: () => contents.assemblies(),
    stat() {
      const totals = catalogue.totals()
      const cached = loose.count('cache')
      const unreferenced = loose.count('unreferenced')
      return {
        ...{ storedBlocks: totals.storedBlocks, storedBytes: totals.storedBytes, quotaBytes },
        ...{ cachedBlocks: cached.blocks, cachedBytes: cached.bytes, cacheBytes },
        unreferencedBlocks: unreferenced.blocks,
        unreferencedBytes: unreferenced.bytes,
        contents: totals.contents,
        contentBlocks: totals.contentBlocks,
        contentBytes: totals.contentBytes,
        assemblies: contents.assemblies().length,
        damagedBlocks: catalogue.damageCount(),
      }
    },
  }
}
