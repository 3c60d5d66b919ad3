/**
 * Two ways of finding what differs between two sets of 100,000 ids, by what they send and how long
 * both sides compute: comparing ranges, which is what sync does, and rateless IBLT. The baseline is
 * sending all ids.
 */
import { findDifference } from '../src/sync/push-pull/difference.ts'
import { encodePushPull } from '../src/sync/push-pull/messages.ts'
import { createShortener, describePart, SALT_BYTES } from '../src/sync/push-pull/ranges.ts'
import { createSortedTree } from '../src/tree/index.ts'
import { sha256, systemRandom } from '../src/util/index.ts'
import { median } from './bench.ts'
import { decode, encode, CODED_BYTES, symbolsNeeded } from './reconcile/rateless.ts'
import type { Digest } from '../src/util/index.ts'
import type { IdTree } from '../src/tree/index.ts'
import type { Benchmark, Row } from './bench.ts'
import type { Symbols } from './reconcile/rateless.ts'

const IDS = 100_000
const DIFFERENCES = [0, 1, 10, 1_000, 50_000]
/** Of one as long as the others together, fewer: the figures hardly vary. */
const runsOf = (differences: number): number => (differences > 10_000 ? 1 : 5)

const makeSets = (seed: string, differences: number) => {
  const ids = Array.from({ length: IDS + differences }, (_, index) => sha256(`${seed}${index}`))
  const common = ids.slice(0, IDS - Math.ceil(differences / 2))
  const extra = ids.slice(common.length, common.length + differences)
  const half = Math.ceil(differences / 2)
  // Half of what differs is missing on each side.
  const ours = [...common, ...extra.slice(0, half)].sort()
  const theirs = [...common, ...extra.slice(half)].sort()
  return { ours, theirs }
}

/** What comparing ranges sends, the request for records included; and its round trips. */
const compareRanges = async (ours: IdTree, theirs: IdTree, differences: number) => {
  const salt = systemRandom.bytes(SALT_BYTES)
  const shorten = createShortener(salt)
  let bytes = 0
  let trips = 0
  const beganMs = performance.now()
  const found = await findDifference({
    ...{ tree: ours, shorten, maxIds: IDS * 2, maxRanges: IDS * 2 },
    settled: { theirs: new Map(), ours: new Map() },
    async ask(prefixes, maxListIds) {
      trips++
      const theirShorten = createShortener(salt)
      const parts = prefixes.map((prefix) =>
        describePart(theirs, prefix, { shorten: theirShorten, maxListIds }),
      )
      bytes += encodePushPull({ type: 'get-ranges', salt, maxListIds, prefixes }).length
      bytes += encodePushPull({ type: 'ranges', parts }).length
      return parts
    },
  })
  const tookMs = performance.now() - beganMs
  if (found.lackingCount + found.extra.length !== differences) throw new Error('not all was found')
  for (const { prefix, shorts } of found.lacking)
    bytes += 2 + (prefix.length + 1) / 2 + 5 * shorts.length
  return { bytes, trips, tookMs }
}

const symbolsOf = (ids: readonly Digest[], salt: Uint8Array): Symbols => {
  const shorten = createShortener(salt)
  const [high, low] = [new Uint32Array(ids.length), new Uint32Array(ids.length)]
  for (const [index, id] of ids.entries()) {
    const short = shorten(id)
    high[index] = Math.floor(short / 2 ** 8)
    low[index] = Number.parseInt(id.slice(0, 8), 16) ^ short
  }
  return { high, low }
}

const useRateless = (ours: readonly Digest[], theirs: readonly Digest[], differences: number) => {
  const salt = systemRandom.bytes(SALT_BYTES)
  const count = symbolsNeeded(symbolsOf(ours, salt), symbolsOf(theirs, salt), differences)
  const beganMs = performance.now()
  decode(encode(symbolsOf(ours, salt), count), encode(symbolsOf(theirs, salt), count))
  const tookMs = performance.now() - beganMs
  return { bytes: count * CODED_BYTES + 8 * Math.floor(differences / 2), tookMs }
}

const size = (bytes: number): string =>
  bytes < 10_000 ? `${Math.round(bytes)} B` : `${(bytes / 1000).toFixed(0)} kB`

export const benchmark: Benchmark = async (log) => {
  const rows: Row[] = []
  for (const differences of DIFFERENCES) {
    const ranges = []
    const rateless = []
    for (let run = 0; run < runsOf(differences); run++) {
      const { ours, theirs } = makeSets(`${differences} ${run} `, differences)
      const [left, right] = [createSortedTree(ours), createSortedTree(theirs)]
      // A node keeps its tree: making it is no part of a round.
      left.summary('')
      right.summary('')
      ranges.push(await compareRanges(left, right, differences))
      rateless.push(useRateless(ours, theirs, differences))
    }
    const of = <T>(all: readonly T[], pick: (each: T) => number): number => median(all.map(pick))
    const data = {
      differences,
      rangesBytes: of(ranges, ({ bytes }) => bytes),
      rangesMs: of(ranges, ({ tookMs }) => tookMs),
      rangesTrips: of(ranges, ({ trips }) => trips),
      ratelessBytes: of(rateless, ({ bytes }) => bytes),
      ratelessMs: of(rateless, ({ tookMs }) => tookMs),
      indexBytes: IDS * 32,
    }
    log(`  ${JSON.stringify(data)}`)
    const goal = differences === 1 ? 4_000 : differences === 1_000 ? 150_000 : undefined
    rows.push({
      what: `find ${differences.toLocaleString('en')} differences of 100,000, ranges; rateless IBLT in brackets`,
      measured: `${size(data.rangesBytes)} in ${data.rangesTrips} round trips, ${data.rangesMs.toFixed(1)} ms of CPU (${size(data.ratelessBytes)}, ${data.ratelessMs.toFixed(0)} ms)`,
      baseline: `all ids: ${size(data.indexBytes)}`,
      ratio: (data.rangesBytes / data.indexBytes).toPrecision(2),
      goal: goal === undefined ? '' : `≤ ${size(goal)}`,
      reached: goal === undefined || data.rangesBytes <= goal,
      data,
    })
  }
  return rows
}
