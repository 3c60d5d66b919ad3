import { HEAT_HALF_LIFE_MS, MAX_LEFT_OVER, MIN_CACHED_BLOCK_BYTES } from './limits.ts'
import { createHeap } from './heap.ts'
import type { Digest } from '../util/index.ts'
import type { Loose } from './rows.ts'

export interface LooseBlock extends Loose {
  readonly sizeBytes: number
}

/** What nobody keeps of the stored blocks, in memory; the store has the truth. */
export interface LooseBlocks {
  /** Takes over what the store says of a block: that nobody keeps it, or something else. */
  set(digest: Digest, loose: LooseBlock | undefined): void
  get(digest: Digest): LooseBlock | undefined
  /** The block was asked for. */
  touch(digest: Digest): void
  /** The cached block that was asked for least, recent times counting more; but none of `skip`. */
  coldest(skip: (digest: Digest) => boolean): Digest | undefined
  /** Those that garbage collection is for. */
  unreferenced(): Iterable<[Digest, LooseBlock]>
  count(why: Loose['why']): { readonly blocks: number; readonly bytes: number }
}

/** What a block takes of the room for cached ones. */
export const cachedSize = (sizeBytes: number): number => Math.max(sizeBytes, MIN_CACHED_BLOCK_BYTES)

/**
 * Heat is the count of requests, each counting half after the half-life. Since all cool at the same
 * pace, their order stays the same while time passes; what is kept is the logarithm of the heat that
 * a block would have had at one moment, so that nothing has to be cooled.
 */
const heated = (heat: number, nowMs: number): number => {
  const more = nowMs / HEAT_HALF_LIFE_MS
  const [low, high] = heat < more ? [heat, more] : [more, heat]
  return high + Math.log2(1 + 2 ** (low - high))
}

export const createLooseBlocks = ({ clock }: { clock: { monotonicMs(): number } }): LooseBlocks => {
  const cached = new Map<Digest, LooseBlock & { heat: number }>()
  const going = new Map<Digest, LooseBlock>()
  const bytes = { cache: 0, unreferenced: 0 }
  // What is in the heap may be colder than the block is now, or gone; it is never warmer.
  let heap = createHeap<Digest>()
  /** Under which key each is in the heap; what is there under another one is left over. */
  const queued = new Map<Digest, number>()

  const queue = (digest: Digest, heat: number): void => {
    const key = queued.get(digest)
    if (key !== undefined && key <= heat) return
    queued.set(digest, heat)
    heap.push(heat, digest)
    if (heap.size <= MAX_LEFT_OVER + 2 * cached.size) return
    heap = createHeap()
    queued.clear()
    for (const [each, entry] of cached) {
      queued.set(each, entry.heat)
      heap.push(entry.heat, each)
    }
  }
  const remove = (digest: Digest): void => {
    const before = cached.get(digest) ?? going.get(digest)
    if (before !== undefined) bytes[before.why] -= cachedSize(before.sizeBytes)
    cached.delete(digest)
    going.delete(digest)
  }

  return {
    set(digest, loose) {
      const heat = cached.get(digest)?.heat ?? clock.monotonicMs() / HEAT_HALF_LIFE_MS
      remove(digest)
      if (loose === undefined) return
      bytes[loose.why] += cachedSize(loose.sizeBytes)
      if (loose.why === 'unreferenced') going.set(digest, loose)
      else {
        cached.set(digest, { ...loose, heat })
        queue(digest, heat)
      }
    },
    get: (digest) => cached.get(digest) ?? going.get(digest),
    touch(digest) {
      const entry = cached.get(digest)
      if (entry !== undefined) entry.heat = heated(entry.heat, clock.monotonicMs())
    },
    coldest(skip) {
      const skipped: [number, Digest][] = []
      let found: Digest | undefined
      for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
        const digest = top.value
        const entry = cached.get(digest)
        if (queued.get(digest) !== top.key) continue
        queued.delete(digest)
        if (entry === undefined) continue
        if (entry.heat > top.key) {
          queue(digest, entry.heat)
          continue
        }
        skipped.push([entry.heat, digest])
        if (!skip(digest)) {
          found = digest
          break
        }
      }
      for (const [heat, digest] of skipped) queue(digest, heat)
      return found
    },
    unreferenced: () => going.entries(),
    count: (why) => ({
      blocks: why === 'cache' ? cached.size : going.size,
      bytes: bytes[why],
    }),
  }
}
