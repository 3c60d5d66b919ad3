import { DIGITS, EMPTY, LEAF_IDS, summarizeLeaf, summarizeNode } from './summary.ts'
import type { Digest } from '../util/index.ts'
import type { IdTree, Summary } from './types.ts'

/** Those ids of a tree that somebody else is concerned with, as a tree. */
export interface FilteredTree extends IdTree {
  /**
   * Reads what has not been read yet, up to about `maxIds` of it; answers whether that was all. The
   * rest is read when it is asked for, which may take long in a large tree.
   */
  prepare(maxIds: number): boolean
  /** About what it takes in memory. */
  readonly sizeBytes: number
}

interface Memo {
  /** Of the whole tree, when this was found. */
  readonly from: Digest
  readonly summary: Summary
}

/** A prefix, two digests and two objects. */
const MEMO_BYTES = 320
/** Prefixes of this length are prepared one by one. */
const PREPARED_DIGITS = 2

/**
 * `tree` without the ids that `keeps` refuses, which has to say the same of an id each time. What was
 * found out about a part is kept until that part changes, so a change costs its logarithm.
 */
export const createFilteredTree = (tree: IdTree, keeps: (id: Digest) => boolean): FilteredTree => {
  const memos = new Map<string, Memo>()
  const ids = (prefix: string): Digest[] => tree.ids(prefix).filter(keeps)

  const idsOfParts = (prefix: string, parts: readonly Summary[]): Digest[] =>
    parts.flatMap(({ count }, digit) => (count === 0 ? [] : ids(`${prefix}${DIGITS[digit]}`)))

  const find = (prefix: string, whole: Summary): Summary => {
    if (whole.count === 0) return EMPTY
    const memo = memos.get(prefix)
    if (memo?.from === whole.hash) return memo.summary
    let summary: Summary
    if (whole.count <= LEAF_IDS) summary = summarizeLeaf(ids(prefix))
    else {
      const parts = partsOf(prefix)
      const count = parts.reduce((sum, part) => sum + part.count, 0)
      summary = count > LEAF_IDS ? summarizeNode(parts) : summarizeLeaf(idsOfParts(prefix, parts))
    }
    memos.set(prefix, { from: whole.hash, summary })
    return summary
  }

  const partsOf = (prefix: string): Summary[] =>
    tree.children(prefix).map((part, digit) => find(`${prefix}${DIGITS[digit]}`, part))

  return {
    summary: (prefix) => find(prefix, tree.summary(prefix)),
    children: (prefix) => partsOf(prefix),
    ids,
    prepare(maxIds) {
      let left = maxIds
      for (const first of DIGITS) {
        for (const [digit, whole] of tree.children(first).entries()) {
          const prefix = `${first}${DIGITS[digit]}`.slice(0, PREPARED_DIGITS)
          if (whole.count === 0 || memos.get(prefix)?.from === whole.hash) continue
          if (left <= 0) return false
          left -= whole.count
          find(prefix, whole)
        }
      }
      return true
    },
    get sizeBytes() {
      return memos.size * MEMO_BYTES
    },
  }
}
