import { childrenOf, DIGITS, summarize } from './summary.ts'
import type { Digest } from '../util/index.ts'
import type { IdTree, Summary } from './types.ts'

/** Position of the first id that is not below `bound`. */
const position = (ids: readonly Digest[], bound: string): number => {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ids[middle] ?? '') < bound) low = middle + 1
    else high = middle
  }
  return low
}

/** A tree over ids in order that never change, in memory. */
export const createSortedTree = (ids: readonly Digest[]): IdTree => {
  const nodes = new Map<string, Summary>()
  const below = (prefix: string): readonly Digest[] =>
    // "g" comes after every digit.
    prefix === '' ? ids : ids.slice(position(ids, prefix), position(ids, `${prefix}g`))
  let filled = false

  /** Everything that is hashed by parts, once. */
  const fill = (): void => {
    if (filled) return
    filled = true
    const note = (prefix: string, children: readonly Summary[]): void => {
      for (const [digit, child] of children.entries()) {
        nodes.set(`${prefix}${digit.toString(16)}`, child)
      }
    }
    nodes.set('', summarize(ids, '', note))
  }

  return {
    summary(prefix) {
      fill()
      return nodes.get(prefix) ?? summarize(below(prefix), prefix)
    },
    children(prefix) {
      fill()
      const known = DIGITS.flatMap((digit) => nodes.get(`${prefix}${digit}`) ?? [])
      return known.length === DIGITS.length ? known : childrenOf(below(prefix), prefix)
    },
    ids: below,
  }
}
