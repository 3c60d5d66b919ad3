import { sha256, utf8 } from '../util/index.ts'
import type { Digest } from '../util/index.ts'
import type { Summary } from './types.ts'

/**
 * More ids than this are hashed by their sixteen parts, as many or fewer as one list. Few enough to
 * be read for each change, and enough that there is one stored node for dozens of ids.
 */
export const LEAF_IDS = 64
export const DIGITS = [...'0123456789abcdef']

const LEAF_LABEL = utf8('mesh-leaf 1\n')
const NODE_LABEL = utf8('mesh-node 1\n')

/** Of few ids, in order. */
export const summarizeLeaf = (ids: readonly Digest[]): Summary => ({
  count: ids.length,
  hash: sha256(Buffer.concat([LEAF_LABEL, Buffer.from(ids.join(''), 'hex')])),
})

export const EMPTY = summarizeLeaf([])

/** Of many ids, by their sixteen parts. */
export const summarizeNode = (children: readonly Summary[]): Summary => {
  let count = 0
  let hashes = ''
  for (const child of children) {
    count += child.count
    hashes += child.hash
  }
  return { count, hash: sha256(Buffer.concat([NODE_LABEL, Buffer.from(hashes, 'hex')])) }
}

/** Ids in order, parted by the digit at `depth`. */
export const partAt = (ids: readonly Digest[], depth: number): Digest[][] => {
  const parts: Digest[][] = DIGITS.map(() => [])
  for (const id of ids) parts[Number.parseInt(id[depth] ?? '0', 16)]?.push(id)
  return parts
}

/**
 * Of any ids that begin alike, in order. `onNode` is told of every part that is hashed by its own
 * parts.
 */
export const summarize = (
  ids: readonly Digest[],
  prefix: string,
  onNode?: (prefix: string, children: readonly Summary[]) => void,
): Summary => {
  if (ids.length <= LEAF_IDS) return ids.length === 0 ? EMPTY : summarizeLeaf(ids)
  const children = childrenOf(ids, prefix, onNode)
  onNode?.(prefix, children)
  return summarizeNode(children)
}

export const childrenOf = (
  ids: readonly Digest[],
  prefix: string,
  onNode?: (prefix: string, children: readonly Summary[]) => void,
): Summary[] =>
  partAt(ids, prefix.length).map((part, digit) =>
    summarize(part, `${prefix}${DIGITS[digit]}`, onNode),
  )
