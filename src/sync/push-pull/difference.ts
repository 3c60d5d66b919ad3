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
  /** Ours that the peer has not and that begin so. */
  readonly ours: readonly Digest[]
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

/** Ranges that differ and have to be looked into; the last one is next. */
interface Pending {
  /** Up to how many ids the peer is to list instead of dividing; 0: it is to divide. */
  readonly maxListIds: number
  readonly prefixes: string[]
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
  /** By how they are asked for; what brings ids is asked first, what brings more to be asked last. */
  const piles: readonly Pending[] = [MAX_LIST_IDS, 0, SPARSE_LIST_IDS].map((maxListIds) => ({
    maxListIds,
    prefixes: [],
  }))
  let waiting = 0

  const put = (prefix: string, maxListIds: number): void => {
    waiting++
    piles.find((pile) => pile.maxListIds === maxListIds)?.prefixes.push(prefix)
  }

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
      put(prefix, 0)
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
    const before = extra.length
    addExtra([...ours.values()])
    const room = maxIds - lackingCount
    if (wanted.length > room) cut = true
    if (room <= 0 || wanted.length === 0) return
    lacking.push({ prefix, shorts: wanted.slice(0, room), ours: extra.slice(before) })
    lackingCount += Math.min(room, wanted.length)
  }

  const takeSplit = (prefix: string, parts: readonly (Short | null)[]): void => {
    if (prefix.length >= 63) throw malformed('a range that is divided too far')
    const ours = tree.children(prefix)
    const differing: { at: string; count: number }[] = []
    for (const [digit, theirs] of parts.entries()) {
      const child = ours[digit]
      const at = `${prefix}${DIGITS[digit]}`
      const count = child?.count ?? 0
      if (theirs === null) {
        if (count > 0) addAll(at)
        continue
      }
      if (child !== undefined && count > 0 && shorten(child.hash) === theirs) continue
      differing.push({ at, count })
    }
    if (waiting + differing.length > MAX_PENDING_RANGES) {
      cut = true
      return
    }
    const dense = differing.length >= DENSE_PARTS
    for (const { at, count } of differing.reverse()) {
      put(at, dense || count === 0 ? MAX_LIST_IDS : SPARSE_LIST_IDS)
    }
  }

  put('', SPARSE_LIST_IDS)
  for (;;) {
    const pile = piles.find(({ prefixes }) => prefixes.length > 0)
    if (pile === undefined) break
    if (asked >= maxRanges || lackingCount >= maxIds || extra.length >= maxIds) {
      cut = true
      break
    }
    const { maxListIds } = pile
    const prefixes = pile.prefixes.splice(-maxRangesOf(maxListIds)).reverse()
    asked += prefixes.length
    waiting -= prefixes.length
    const answers = await ask(prefixes, maxListIds)
    if (answers.length !== prefixes.length) throw malformed('ranges that were not asked for')
    for (const [index, part] of answers.entries()) {
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
