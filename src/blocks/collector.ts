import { isMeshError, MeshError } from '../errors/index.ts'
import { parseDigest } from '../util/index.ts'
import { ABANDONED_ASSEMBLY_MS } from './limits.ts'
import { BLOCKS_DIRECTORY, blockPath, PARTIAL_DIRECTORY, partialPath } from './paths.ts'
import type { Disk } from '../disk/index.ts'
import type { Logger } from '../observe/index.ts'
import type { Digest, KeyedLock } from '../util/index.ts'
import type { LooseBlocks } from './cache.ts'
import type { Catalogue } from './catalogue.ts'
import type { AssemblyState, GcReport, Owner } from './types.ts'

/** Removes what nobody keeps, and what no row speaks of. */
export interface Collector {
  collect(options: {
    /** Blocks go whatever their age. */
    readonly now: boolean
    /** Files are searched that no row speaks of. */
    readonly strays: boolean
    readonly signal: AbortSignal | undefined
  }): Promise<GcReport>
}

export interface CollectorComponents {
  readonly catalogue: Catalogue
  readonly disk: Disk
  readonly clock: { nowMs(): number }
  readonly logger: Logger
  readonly locks: KeyedLock
  readonly loose: LooseBlocks
  readonly delayMs: number
  isNeeded(digest: Digest): boolean
  drop(digest: Digest): Promise<boolean>
  assemblies(): readonly AssemblyState[]
  remove(owner: Owner): Promise<void>
}

const SUBDIRECTORIES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

const checkAbort = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted) throw new MeshError('ERR_ABORTED', 'garbage collection was cancelled')
}

export const createCollector = (components: CollectorComponents): Collector => {
  const { catalogue, disk, clock, logger, locks, loose, delayMs } = components

  /** Whether something that began at `sinceMs` is over; a clock that was set back by much counts as so. */
  const isPast = (sinceMs: number, afterMs: number): boolean =>
    Math.abs(clock.nowMs() - sinceMs) >= afterMs

  const collectBlocks = async (
    now: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Pick<GcReport, 'removedBlocks' | 'removedBytes' | 'waitingBlocks'>> => {
    let [removedBlocks, removedBytes, waitingBlocks] = [0, 0, 0]
    for (const [digest, { sinceMs, sizeBytes }] of [...loose.unreferenced()]) {
      checkAbort(signal)
      const isDue = now || isPast(sinceMs, delayMs)
      if (!isDue || components.isNeeded(digest) || !(await components.drop(digest))) {
        waitingBlocks++
        continue
      }
      removedBlocks++
      removedBytes += sizeBytes
    }
    return { removedBlocks, removedBytes, waitingBlocks }
  }

  const collectAssemblies = async (): Promise<number> => {
    const left = components
      .assemblies()
      .filter(({ running, begunAtMs }) => !running && isPast(begunAtMs, ABANDONED_ASSEMBLY_MS))
    for (const { owner } of left) {
      logger.warn({ owner }, 'a content that never became whole is given up')
      await components.remove(owner)
    }
    return left.length
  }

  /** Removes a file if it still belongs to nobody when nobody can be writing it. */
  const removeStray = async (path: string): Promise<number | undefined> => {
    const digest = parseDigest(path.slice(path.lastIndexOf('/') + 1))
    const isOurs = (): boolean =>
      digest !== undefined &&
      path === blockPath(digest) &&
      catalogue.stored(digest)?.place === 'file'
    if (isOurs()) return undefined
    return locks.run(digest ?? path, async () => {
      if (isOurs()) return undefined
      const sizeBytes = (await disk.stat(path))?.sizeBytes ?? 0
      await disk.remove(path)
      logger.warn({ path }, 'a file that no block is in is removed')
      return sizeBytes
    })
  }

  const partials = (): Set<string> =>
    new Set(
      [...catalogue.owners()].flatMap(({ value: { state, number } }) =>
        state === 'assembling' || state === 'adding' ? [partialPath(number)] : [],
      ),
    )

  const collectStrays = async (
    signal: AbortSignal | undefined,
  ): Promise<Pick<GcReport, 'strayFiles' | 'strayBytes'>> => {
    let [strayFiles, strayBytes] = [0, 0]
    const remove = async (path: string, work: () => Promise<number | undefined>): Promise<void> => {
      checkAbort(signal)
      try {
        const bytes = await work()
        if (bytes === undefined) return
        strayFiles++
        strayBytes += bytes
      } catch (error) {
        // A name that is no UTF-8, or somebody else's directory: not worth stopping for.
        if (!isMeshError(error, 'ERR_STATE_UNUSABLE')) throw error
        logger.warn({ path, error }, 'a stray file cannot be removed')
      }
    }
    for (const name of SUBDIRECTORIES) {
      for (const path of await disk.list(`${BLOCKS_DIRECTORY}/${name}`)) {
        await remove(path, () => removeStray(path))
      }
    }
    // Listed first: what is begun meanwhile is not in the list.
    const there = await disk.list(PARTIAL_DIRECTORY)
    const known = partials()
    for (const path of there) {
      if (known.has(path)) continue
      await remove(path, async () => {
        const sizeBytes = (await disk.stat(path))?.sizeBytes ?? 0
        await disk.remove(path)
        return sizeBytes
      })
    }
    return { strayFiles, strayBytes }
  }

  return {
    async collect({ now, strays, signal }) {
      const abandonedAssemblies = await collectAssemblies()
      const blocks = await collectBlocks(now, signal)
      const found = strays ? await collectStrays(signal) : { strayFiles: 0, strayBytes: 0 }
      return { ...blocks, ...found, abandonedAssemblies }
    },
  }
}
