/** The blocks in the store itself: read, written within the quota, and removed. */
import { isMeshError } from '../errors/index.ts'
import { sha256 } from '../util/index.ts'
import { MAX_INLINE_BLOCK_BYTES } from './limits.ts'
import { createRoom } from './room.ts'
import type { Clock, Digest, KeyedLock } from '../util/index.ts'
import type { LooseBlocks } from './cache.ts'
import type { Catalogue } from './catalogue.ts'
import type { Damage } from './damage.ts'
import type { Depot } from './depot.ts'
import type { Reservation, Room } from './room.ts'
import type { Owner } from './types.ts'

export interface Stock {
  readonly room: Room
  isStored(digest: Digest): boolean
  /** It is being removed, and counts as gone. */
  isGoing(digest: Digest): boolean
  get(digest: Digest, into?: Uint8Array): Promise<Uint8Array | 'wrong' | 'gone'>
  /** Bytes that were checked; without an owner they are cache. */
  put(digest: Digest, bytes: Uint8Array, owner?: Owner): Promise<void>
  /** Removes a block unless somebody keeps or needs it. */
  drop(digest: Digest): Promise<boolean>
}

export interface StockComponents {
  readonly catalogue: Catalogue
  readonly depot: Depot
  readonly clock: Pick<Clock, 'nowMs'>
  readonly locks: KeyedLock
  readonly loose: LooseBlocks
  readonly damage: Damage
  readonly cacheBytes: number
  readonly quotaBytes: number
  /** Whether it is anywhere, in the store or not. */
  has(digest: Digest): boolean
  /** Somebody needs the block now. */
  isNeeded(digest: Digest): boolean
  /** The store says something new of these blocks. */
  refresh(digests: Iterable<Digest>): void
}

export const createStock = (components: StockComponents): Stock => {
  const { catalogue, depot, clock, locks, loose, damage } = components
  const { cacheBytes, quotaBytes, has, isNeeded, refresh } = components
  /** Blocks that are being removed: they count as gone. */
  const going = new Set<Digest>()

  const isStored = (digest: Digest): boolean =>
    !going.has(digest) && catalogue.stored(digest) !== undefined

  const drop = (digest: Digest): Promise<boolean> =>
    locks.run(digest, async () => {
      if (isNeeded(digest)) return false
      // From here on nobody is told that it is here, so nobody can come to need it.
      going.add(digest)
      try {
        const stored = catalogue.stored(digest)
        const isGone = await catalogue.drop(digest)
        refresh([digest])
        // The row goes first: a crash in between leaves a file that garbage collection finds.
        if (isGone && stored?.place === 'file') await depot.removeFile(digest)
        return isGone
      } finally {
        going.delete(digest)
      }
    })

  const room = createRoom({
    ...{ loose, cacheBytes, quotaBytes, isNeeded, drop },
    storedBytes: () => catalogue.totals().storedBytes,
  })

  /** What the store has of a block. */
  const readStored = async (
    digest: Digest,
    into?: Uint8Array,
  ): Promise<Uint8Array | 'wrong' | 'gone'> => {
    const stored = catalogue.stored(digest)
    if (stored === undefined || going.has(digest)) return 'gone'
    if (stored.place === 'inline') {
      const bytes = catalogue.inlineBytes(digest)
      return bytes !== undefined && sha256(bytes) === digest ? bytes : 'wrong'
    }
    const found = await depot.readFile(digest, stored.sizeBytes, into)
    return typeof found === 'string' ? 'wrong' : found
  }

  /** The same; what is wrong is looked at again when nobody can be removing it. */
  const getStored = async (
    digest: Digest,
    into?: Uint8Array,
  ): Promise<Uint8Array | 'wrong' | 'gone'> => {
    const found = await readStored(digest, into)
    if (found !== 'wrong') return found
    return locks.run(digest, async () => {
      const again = await readStored(digest, into)
      if (again === 'wrong') await damage.stored(digest)
      return again
    })
  }

  const write = async (digest: Digest, bytes: Uint8Array): Promise<void> => {
    try {
      await depot.writeFile(digest, bytes)
    } catch (error) {
      if (!isMeshError(error, 'ERR_DISK_FULL')) throw error
      // Not under our own lock alone: what is given up are other blocks.
      if (!(await room.giveUp())) throw error
      await depot.writeFile(digest, bytes)
    }
  }

  const put = async (digest: Digest, bytes: Uint8Array, owner?: Owner): Promise<void> => {
    const isCache = owner === undefined
    const known = loose.get(digest)
    if (isCache && known?.why === 'cache') return loose.touch(digest)
    let reservation: Reservation | undefined
    if (!isStored(digest)) {
      if (isCache && has(digest)) return
      reservation = await room.make(bytes.length, isCache ? 'cache' : 'pinned')
      if (reservation === undefined) return
    } else if (isCache) {
      // Pinned: there is nothing to do. Else it stays for longer if there is room.
      reservation = known && (await room.adopt(bytes.length))
      if (reservation === undefined) return
    }
    try {
      await locks.run(digest, async () => {
        const isSmall = bytes.length <= MAX_INLINE_BLOCK_BYTES
        if (!isSmall && catalogue.stored(digest) === undefined) await write(digest, bytes)
        await catalogue.keep(digest, {
          ...{ sizeBytes: bytes.length, nowMs: clock.nowMs() },
          ...(isSmall ? { inline: bytes } : {}),
          ...(owner === undefined ? {} : { owner }),
        })
        refresh([digest])
      })
    } finally {
      reservation?.release()
    }
    damage.review()
  }

  return { room, isStored, isGoing: (digest) => going.has(digest), get: getStored, put, drop }
}
