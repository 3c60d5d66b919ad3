import { MAX_LIST_IDS, MAX_PENDING_RANGES } from '../limits.ts'
import { malformed } from '../wire.ts'
import { maxRangesOf } from './messages.ts'
import type { IdTree } from '../../tree/index.ts'
import type { Digest } from '../../util/index.ts'
import type { Part, Short } from './ranges.ts'

/** Ids that the peer has and we have not, by their short ones: those that begin alike together. */
export interface LackingGroup {
  readonly prefix: string
  readonly shorts: readonly Short[]
}

export interface Difference {
  /** The peer's and not ours. */
  readonly lacking: readonly LackingGroup[]
  readonly lackingCount: number
  /** Ours and not the peer's. */
  readonly extra: readonly Digest[]
  /** Whether a limit was reached before all was found. */
  readonly cut: boolean
  /** Settled ids that still make a difference. */
  readonly settled: { readonly theirs: ReadonlySet<Digest>; readonly ours: ReadonlySet<Digest> }
}

export interface DifferenceInit {
  readonly tree: IdTree
  readonly shorten: (digest: Digest) => Short
  readonly settled: {
    readonly theirs: ReadonlyMap<Digest, string>
    readonly ours: ReadonlyMap<Digest, string>
  }
  /** Of either kind. */
  readonly maxIds: number
  readonly maxRanges: number
  /** What the peer has below these prefixes, in their order. */
  readonly ask: (prefixes: readonly string[], maxListIds: number) => Promise<readonly Part[]>
}

const DIGITS = [...'0123456789abcdef']

/** Up to this many ids a list is shorter than the fingerprints of sixteen parts, if few differ. */
const SPARSE_LIST_IDS = 16
/** If this many of sixteen parts differ, most ids do, and a long list is shorter than dividing. */
const DENSE_PARTS = 12
/** We have so many more that we would have to read them all to hold them against a list. */
const MANY_IDS = 4 * MAX_LIST_IDS

interface Pending {
  readonly prefix: string
  /** Up to how many ids the peer is to list instead of dividing; 0: it is to divide. */
  readonly maxListIds: number
}

/**
 * Finds what differs by asking for what differs only: the whole, then those of its parts whose
 * fingerprints are not ours, until they are short enough to be listed. Depth first, so that it never
 * remembers more than a few parts for each digit, whatever the peer says.
 */
export const findDifference = async (init: DifferenceInit): Promise<Difference> => {
  const { tree, shorten, settled, maxIds, maxRanges, ask } = init
  const lacking: LackingGroup[] = []
  const extra: Digest[] = []
  const found = { theirs: new Set<Digest>(), ours: new Set<Digest>() }
  const settledTheirs = new Map([...settled.theirs.keys()].map((id) => [shorten(id), id]))
  let lackingCount = 0
  let asked = 0
  let cut = false
  /** The next one is last. */
  const pending: Pending[] = [{ prefix: '', maxListIds: SPARSE_LIST_IDS }]

  const addExtra = (ids: readonly Digest[]): void => {
    for (const id of ids) {
      if (settled.ours.has(id)) found.ours.add(id)
      else if (extra.length < maxIds) extra.push(id)
      else cut = true
    }
  }

  /** All of ours below a prefix where the peer has nothing; reads no more of it than there is room. */
  const addAll = (prefix: string): void => {
    const { count } = tree.summary(prefix)
    if (count === 0) return
    if (extra.length >= maxIds) {
      cut = true
      return
    }
    if (count <= MAX_LIST_IDS) addExtra(tree.ids(prefix))
    else for (const digit of DIGITS) addAll(`${prefix}${digit}`)
  }

  const takeList = (prefix: string, shorts: readonly Short[]): void => {
    const { count } = tree.summary(prefix)
    if (shorts.length === 0) {
      addAll(prefix)
      return
    }
    if (count > MANY_IDS) {
      pending.push({ prefix, maxListIds: 0 })
      return
    }
    const ours = new Map(tree.ids(prefix).map((id) => [shorten(id), id]))
    const wanted: Short[] = []
    for (const short of new Set(shorts)) {
      if (ours.delete(short)) continue
      const known = settledTheirs.get(short)
      if (known?.startsWith(prefix) === true) found.theirs.add(known)
      else wanted.push(short)
    }
    addExtra([...ours.values()])
    const room = maxIds - lackingCount
    if (wanted.length > room) cut = true
    if (room <= 0 || wanted.length === 0) return
    lacking.push({ prefix, shorts: wanted.slice(0, room) })
    lackingCount += Math.min(room, wanted.length)
  }

  const takeSplit = (prefix: string, parts: readonly (Short | null)[]): void => {
    if (prefix.length >= 63) throw malformed('a range that is divided too far')
    const ours = tree.children(prefix)
    const differing: Pending[] = []
    for (const [digit, theirs] of parts.entries()) {
      const child = ours[digit]
      const at = `${prefix}${DIGITS[digit]}`
      const count = child?.count ?? 0
      if (theirs === null) {
        if (count > 0) addAll(at)
        continue
      }
      if (child !== undefined && count > 0 && shorten(child.hash) === theirs) continue
      differing.push({ prefix: at, maxListIds: count === 0 ? MAX_LIST_IDS : SPARSE_LIST_IDS })
    }
    if (pending.length + differing.length > MAX_PENDING_RANGES) {
      cut = true
      return
    }
    const dense = differing.length >= DENSE_PARTS
    for (const { prefix: at, maxListIds } of differing.reverse()) {
      pending.push({ prefix: at, maxListIds: dense ? MAX_LIST_IDS : maxListIds })
    }
  }

  /** The next ones that are asked for in the same way. */
  const nextBatch = (): Pending[] => {
    const batch: Pending[] = []
    const maxBatch = maxRangesOf(pending.at(-1)?.maxListIds ?? 0)
    while (batch.length < maxBatch) {
      const next = pending.at(-1)
      if (next === undefined || (batch[0] !== undefined && next.maxListIds !== batch[0].maxListIds))
        break
      batch.push(next)
      pending.pop()
    }
    return batch
  }

  while (pending.length > 0) {
    if (asked >= maxRanges || lackingCount >= maxIds || extra.length >= maxIds) {
      cut = true
      break
    }
    const batch = nextBatch()
    asked += batch.length
    const prefixes = batch.map(({ prefix }) => prefix)
    const maxListIds = batch[0]?.maxListIds ?? 0
    const answers = await ask(prefixes, maxListIds)
    if (answers.length !== prefixes.length) throw malformed('ranges that were not asked for')
    // Backwards, because what is found goes onto the same pile: the first has to come out first.
    for (const [index, part] of [...answers.entries()].reverse()) {
      const prefix = prefixes[index] ?? ''
      if (part.kind === 'list' && part.shorts.length > maxListIds) {
        throw malformed('a longer list of ids than was asked for')
      }
      if (part.kind === 'split') takeSplit(prefix, part.parts)
      else takeList(prefix, part.shorts)
    }
  }
  return { lacking, lackingCount, extra, cut, settled: found }
}
