import { MeshError } from '../errors/index.ts'
import { formatSize } from '../util/index.ts'
import { cachedSize } from './cache.ts'
import { CACHE_LOW_WATER_PERCENT } from './limits.ts'
import type { Digest } from '../util/index.ts'
import type { LooseBlocks } from './cache.ts'

/** Room that was promised to a block which is being written. */
export interface Reservation {
  release(): void
}

/** Keeps the store within its quota and the cache within its size. */
export interface Room {
  /**
   * Makes room for a block, by removing what nobody keeps if need be. `undefined`: a block that
   * nobody keeps is not worth it.
   *
   * @throws MeshError `ERR_BLOCK_QUOTA` for one that somebody keeps
   */
  make(sizeBytes: number, kind: 'pinned' | 'cache'): Promise<Reservation | undefined>
  /** The same in the cache for a block that is stored already. */
  adopt(sizeBytes: number): Promise<Reservation | undefined>
  /** Brings the cache below its size, as when that has become smaller. */
  shrink(): Promise<void>
  /** The disk is full: everything goes that nobody keeps or needs. Answers whether that was anything. */
  giveUp(): Promise<boolean>
}

export interface RoomComponents {
  readonly loose: LooseBlocks
  readonly cacheBytes: number
  readonly quotaBytes: number
  storedBytes(): number
  /** Somebody needs the block now. */
  isNeeded(digest: Digest): boolean
  /** Removes a block that nobody keeps; `false` if it is needed after all. */
  drop(digest: Digest): Promise<boolean>
}

export const createRoom = (components: RoomComponents): Room => {
  const { loose, cacheBytes, quotaBytes, isNeeded, drop } = components
  /** Of blocks that are being written. */
  let promised = 0
  let promisedToCache = 0
  let tail: Promise<unknown> = Promise.resolve()

  /** One at a time, so that two do not count on the same room. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(work)
    tail = result.catch(() => {})
    return result
  }

  /** Evicts the coldest while `isTooMuch`; answers whether that came to an end. */
  const evict = async (isTooMuch: () => boolean): Promise<boolean> => {
    const failed = new Set<Digest>()
    while (isTooMuch()) {
      const digest = loose.coldest((each) => failed.has(each) || isNeeded(each))
      if (digest === undefined) return false
      if (!(await drop(digest))) failed.add(digest)
    }
    return true
  }

  /** Removes what nobody keeps any more, whatever its age. */
  const collect = async (isTooMuch: () => boolean): Promise<boolean> => {
    for (const [digest] of [...loose.unreferenced()]) {
      if (!isTooMuch()) return true
      if (!isNeeded(digest)) await drop(digest)
    }
    return !isTooMuch()
  }

  const fitCache = async (cost: number): Promise<boolean> => {
    const used = (): number => loose.count('cache').bytes + promisedToCache
    if (used() + cost <= cacheBytes) return true
    if (cost > cacheBytes) return false
    const lowWater = Math.max(0, (cacheBytes * CACHE_LOW_WATER_PERCENT) / 100 - cost)
    await evict(() => used() > lowWater)
    return used() + cost <= cacheBytes
  }

  const fitQuota = async (sizeBytes: number): Promise<boolean> => {
    const isTooMuch = (): boolean => components.storedBytes() + promised + sizeBytes > quotaBytes
    return (await collect(isTooMuch)) || (await evict(isTooMuch))
  }

  const promise = (sizeBytes: number, cost: number): Reservation => {
    promised += sizeBytes
    promisedToCache += cost
    let released = false
    return {
      release() {
        if (released) return
        released = true
        promised -= sizeBytes
        promisedToCache -= cost
      },
    }
  }

  return {
    make: (sizeBytes, kind) =>
      alone(async () => {
        const cost = kind === 'cache' ? cachedSize(sizeBytes) : 0
        if (kind === 'cache' && !(await fitCache(cost))) return undefined
        if (!(await fitQuota(sizeBytes))) {
          if (kind === 'cache') return undefined
          throw new MeshError(
            'ERR_BLOCK_QUOTA',
            `a block of ${formatSize(sizeBytes)} does not fit: ${formatSize(components.storedBytes())} of blocks are kept and blocks.quota is ${formatSize(quotaBytes)}; raise it, or remove what keeps them`,
            { data: { sizeBytes, quotaBytes, storedBytes: components.storedBytes() } },
          )
        }
        return promise(sizeBytes, cost)
      }),
    adopt: (sizeBytes) =>
      alone(async () => {
        const cost = cachedSize(sizeBytes)
        return (await fitCache(cost)) ? promise(0, cost) : undefined
      }),
    shrink: () => alone(async () => void (await fitCache(0))),
    giveUp: () =>
      alone(async () => {
        const before = components.storedBytes()
        await collect(() => true)
        await evict(() => true)
        return components.storedBytes() < before
      }),
  }
}
