/** The cache against a model that counts every request and cools each of them by itself. */
import fc from 'fast-check'
import t from 'tap'
import { createHeap } from '../../src/blocks/heap.ts'
import { CACHE_LOW_WATER_PERCENT, HEAT_HALF_LIFE_MS } from '../../src/blocks/limits.ts'
import { blockOf, memoryGround, owner, startBlocks } from './fixture.ts'
import type { Lease } from '../../src/blocks/index.ts'

const CACHE_BYTES = 45_000
const PEOPLE = ['a', 'b']
const blocksOfTest = Array.from({ length: 7 }, (_, index) => {
  const sizeBytes = [100, 3_000, 5_000, 9_000, 17_000, 20_000, 70_000][index % 7] ?? 1
  return blockOf(`${index}`, sizeBytes)
})

interface Modelled {
  readonly owners: Set<string>
  /** When it was asked for, while it is cache. */
  requests: number[] | undefined
  unreferenced: boolean
  leases: number
}

const createModel = () => {
  const entries = blocksOfTest.map(
    (): Modelled => ({ owners: new Set(), requests: undefined, unreferenced: false, leases: 0 }),
  )
  const at = (index: number): Modelled => {
    const entry = entries[index]
    if (entry === undefined) throw new Error('no such block')
    return entry
  }
  const costOf = (index: number): number => Math.max(4_096, blocksOfTest[index]?.bytes.length ?? 0)
  const cached = (): number[] => [...entries.keys()].filter((index) => at(index).requests)
  const used = (): number => cached().reduce((sum, index) => sum + costOf(index), 0)
  const heatOf = (index: number, nowMs: number): number =>
    (at(index).requests ?? []).reduce(
      (sum, atMs) => sum + 2 ** ((atMs - nowMs) / HEAT_HALF_LIFE_MS),
      0,
    )
  const isHere = (index: number): boolean => {
    const { owners, requests, unreferenced } = at(index)
    return owners.size > 0 || requests !== undefined || unreferenced
  }
  const fits = (index: number, nowMs: number): boolean => {
    const cost = costOf(index)
    if (used() + cost <= CACHE_BYTES) return true
    if (cost > CACHE_BYTES) return false
    const lowWater = Math.max(0, (CACHE_BYTES * CACHE_LOW_WATER_PERCENT) / 100 - cost)
    const coldest = cached()
      .filter((each) => at(each).leases === 0)
      .sort((a, b) => heatOf(a, nowMs) - heatOf(b, nowMs))
    for (const each of coldest) {
      if (used() <= lowWater) break
      at(each).requests = undefined
    }
    return used() + cost <= CACHE_BYTES
  }
  return {
    at,
    isHere,
    put(index: number, who: string | undefined, nowMs: number): void {
      const entry = at(index)
      const isNew = !isHere(index) || entry.unreferenced
      if (isNew && who === undefined && !fits(index, nowMs)) return
      if (who === undefined && entry.owners.size === 0) {
        entry.requests = [...(entry.requests ?? []), nowMs]
      }
      if (who !== undefined) {
        entry.owners.add(who)
        entry.requests = undefined
      }
      entry.unreferenced = false
    },
    get(index: number, nowMs: number): void {
      at(index).requests?.push(nowMs)
    },
    unpin(index: number, who: string): void {
      const entry = at(index)
      if (entry.owners.delete(who) && entry.owners.size === 0) entry.unreferenced = true
    },
    collect(): void {
      for (const entry of entries) if (entry.leases === 0) entry.unreferenced = false
    },
    used,
    unreferenced: (): number => entries.filter((each) => each.unreferenced).length,
  }
}

const index = fc.nat(blocksOfTest.length - 1)
const who = fc.constantFrom(...PEOPLE)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), index }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('get' as const), index }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('keep' as const), index, who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('unpin' as const), index, who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('lease' as const), index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('collect' as const) }) },
)
/** Each after a time of its own, so that no two are equally warm. */
const steps = fc.array(fc.tuple(step, fc.integer({ min: 1_001, max: 900_007 })), {
  minLength: 10,
  maxLength: 60,
})

t.test('holds what a plain model of heat, owners and leases holds', async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const { blocks, clock } = await startBlocks(await memoryGround(), {
        // Garbage is collected by hand: the worker would come in between.
        ...{ cacheBytes: CACHE_BYTES, gcDelayMs: 1e12, scrubBytesPerSecond: 0 },
      })
      const model = createModel()
      const leases: { lease: Lease; index: number }[] = []
      for (const [each, delayMs] of all) {
        await clock.advance(delayMs % 60_000)
        const nowMs = clock.monotonicMs()
        const block = blocksOfTest['index' in each ? each.index : 0]
        if (block === undefined) continue
        const { digest, bytes } = block
        if (each.kind === 'put') {
          await blocks.put(digest, bytes)
          model.put(each.index, undefined, nowMs)
        } else if (each.kind === 'get') {
          const found = await blocks.get(digest)
          if (found !== undefined && !bytes.equals(found)) throw new Error('other bytes')
          model.get(each.index, nowMs)
        } else if (each.kind === 'keep') {
          await blocks.put(digest, bytes, { owner: owner(`test ${each.who}`) })
          model.put(each.index, each.who, nowMs)
        } else if (each.kind === 'unpin') {
          await blocks.unpin(digest, owner(`test ${each.who}`))
          model.unpin(each.index, each.who)
        } else if (each.kind === 'lease') {
          leases.push({ lease: blocks.lease([digest]), index: each.index })
          model.at(each.index).leases++
        } else if (each.kind === 'release') {
          const last = leases.pop()
          last?.lease.release()
          if (last !== undefined) model.at(last.index).leases--
        } else {
          await blocks.gc({ now: true })
          model.collect()
        }
        const here = blocksOfTest.map(({ digest }) => blocks.has(digest))
        const expected = blocksOfTest.map((_, index) => model.isHere(index))
        if (JSON.stringify(here) !== JSON.stringify(expected)) {
          throw new Error(`${JSON.stringify(each)}: ${here} and not ${expected}`)
        }
        const { cachedBytes, unreferencedBlocks } = blocks.stat()
        if (unreferencedBlocks !== model.unreferenced()) throw new Error('garbage is miscounted')
        if (cachedBytes !== model.used()) throw new Error(`${cachedBytes}, not ${model.used()}`)
        if (cachedBytes > CACHE_BYTES) throw new Error(`${cachedBytes} are too many`)
      }
      await blocks.stop()
    }),
    { numRuns: process.env.MESH_TEST_TIER === 'soak' ? 2_000 : 40 },
  )
  t.pass('in every order')
})

t.test('a block that was warm, went and came back is as cold as a new one', async (t) => {
  const { blocks, clock } = await startBlocks(await memoryGround(), {
    ...{ cacheBytes: CACHE_BYTES, gcDelayMs: 1e12, scrubBytesPerSecond: 0 },
  })
  const put = async (...indices: number[]): Promise<void> => {
    for (const index of indices) {
      const block = blocksOfTest[index]
      await clock.advance(1_001)
      if (block !== undefined) await blocks.put(block.digest, block.bytes)
    }
  }
  const here = (): number[] =>
    blocksOfTest.flatMap(({ digest }, index) => (blocks.has(digest) ? [index] : []))
  blocks.lease(blocksOfTest.slice(2, 3).map(({ digest }) => digest))
  await put(5, 5, 2, 0, 4)
  t.same(here(), [2, 4], 'asked for twice, it was too large to stay')
  await put(5, 0)
  t.same(here(), [0, 2, 5])
  await put(4)
  t.same(here(), [0, 2, 4], 'of two that were asked for once, the one that came later stays')
  await blocks.stop()
})

t.test('a heap gives back what was put in by its key', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true })), (keys) => {
      const heap = createHeap<number>()
      for (const key of keys) heap.push(key, key)
      const out: number[] = []
      for (let top = heap.pop(); top !== undefined; top = heap.pop()) out.push(top.value)
      const sorted = keys.toSorted((a, b) => a - b)
      return out.every((value, at) => value === sorted[at]) && out.length === keys.length
    }),
  )
  t.pass()
})
