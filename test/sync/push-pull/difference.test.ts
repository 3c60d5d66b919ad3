import fc from 'fast-check'
import t from 'tap'
import { MAX_PENDING_RANGES } from '../../../src/sync/limits.ts'
import { findDifference } from '../../../src/sync/push-pull/difference.ts'
import { maxRangesOf } from '../../../src/sync/push-pull/messages.ts'
import { createShortener, describePart } from '../../../src/sync/push-pull/ranges.ts'
import { createSortedTree } from '../../../src/tree/index.ts'
import { sha256 } from '../../../src/util/index.ts'
import type { Digest } from '../../../src/util/index.ts'

const shorten = createShortener(Buffer.from('a salt of the round'))
const sorted = (ids: Iterable<Digest>): Digest[] => [...new Set(ids)].sort()

const compare = async (
  ours: readonly Digest[],
  theirs: readonly Digest[],
  { maxIds = 1e6, settled = [] as readonly Digest[] } = {},
) => {
  const [tree, other] = [createSortedTree(ours), createSortedTree(theirs)]
  const entries = new Map(settled.map((id) => [id, 'name']))
  const found = await findDifference({
    ...{ tree, shorten, maxIds, maxRanges: 1e6, settled: { theirs: entries, ours: entries } },
    async ask(prefixes, maxListIds) {
      if (prefixes.length > maxRangesOf(maxListIds)) throw new Error('too many at once')
      return prefixes.map((prefix) => describePart(other, prefix, { shorten, maxListIds }))
    },
  })
  const lacking = found.lacking.flatMap(({ prefix, shorts }) =>
    other.ids(prefix).filter((id) => shorts.includes(shorten(id))),
  )
  return { ...found, lackingIds: sorted(lacking), extraIds: sorted(found.extra) }
}

t.test('finds exactly what differs, whatever the sets are', async (t) => {
  const pool = Array.from({ length: 6000 }, (_, index) => sha256(`${index}`))
  const range = fc.record({ from: fc.nat(6000), count: fc.nat(6000) })
  await fc.assert(
    fc.asyncProperty(range, range, fc.array(fc.nat(5999), { maxLength: 30 }), async (a, b, odd) => {
      const flips = new Set(odd.map((index) => pool[index]))
      const ours = sorted(pool.slice(a.from, a.from + a.count).filter((id) => !flips.has(id)))
      const theirs = sorted(pool.slice(b.from, b.from + b.count))
      const [left, right] = [new Set(ours), new Set(theirs)]
      const found = await compare(ours, theirs)
      const lacking = theirs.filter((id) => !left.has(id))
      const extra = ours.filter((id) => !right.has(id))
      return (
        !found.cut &&
        found.lackingCount === lacking.length &&
        found.lackingIds.join() === lacking.join() &&
        found.extraIds.join() === extra.join()
      )
    }),
    { numRuns: 40 },
  )
  t.pass('every pair')
})

t.test('stops at its limits and says so', async (t) => {
  const ids = sorted(Array.from({ length: 3000 }, (_, index) => sha256(`${index}`)))
  const lacking = await compare([], ids, { maxIds: 100 })
  t.ok(lacking.cut && lacking.lackingCount === 100, `${lacking.lackingCount}`)
  const extra = await compare(ids, [], { maxIds: 100 })
  t.ok(extra.cut && extra.extra.length === 100, `${extra.extra.length}`)
})

t.test('of the ranges that differ so many wait, and no more', async (t) => {
  const divided = 20_000
  const split = { kind: 'split' as const, parts: Array.from({ length: 16 }, () => 1) }
  let asked = 0
  const found = await findDifference({
    ...{ tree: createSortedTree([]), shorten, maxIds: 1e6, maxRanges: 1e6 },
    settled: { theirs: new Map(), ours: new Map() },
    // For long everything differs at all depths, and then nothing does.
    async ask(prefixes) {
      asked += prefixes.length
      return prefixes.map((prefix) =>
        asked < divided && prefix.length < 60 ? split : { kind: 'list', shorts: [] },
      )
    },
  })
  t.ok(found.cut)
  t.ok(asked <= divided + MAX_PENDING_RANGES, `${asked} ranges were asked for`)
})

t.test('what is settled is no difference, and is said to be there still', async (t) => {
  const ids = sorted(Array.from({ length: 300 }, (_, index) => sha256(`${index}`)))
  const [first, last] = [ids[0], ids.at(-1)]
  if (first === undefined || last === undefined) throw new Error('ids')
  const found = await compare(ids.slice(1), ids.slice(0, -1), { settled: [first, last] })
  t.equal(found.lackingCount + found.extra.length, 0)
  t.same([...found.settled.theirs], [first])
  t.same([...found.settled.ours], [last])
})

t.test('ids that were ground towards one prefix are found all the same, deeper down', async (t) => {
  const honest = Array.from({ length: 1000 }, (_, index) => sha256(`${index}`))
  // As somebody would make who may sign for a pattern, and computes for long.
  const ground = honest.map((id) => `${'7'.repeat(20)}${id.slice(20)}` as Digest)
  const [ours, theirs] = [
    sorted([...honest, ...ground.slice(0, 500)]),
    sorted([...honest, ...ground]),
  ]
  const found = await compare(ours, theirs)
  t.notOk(found.cut)
  t.same(found.lackingIds, sorted(ground.slice(500)))
  t.same(found.extraIds, [])
})
