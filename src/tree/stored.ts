import { isMeshError, MeshError } from '../errors/index.ts'
import { digestFromBytes } from '../util/index.ts'
import { decodeNode, encodeNode, nodeKey, prefixOfKey, rangeOfPrefix } from './nodes.ts'
import { childrenOf, DIGITS, EMPTY, LEAF_IDS, summarize } from './summary.ts'
import { summarizeLeaf, summarizeNode } from './summary.ts'
import type { Reader, Store, Table, Transaction } from '../store/index.ts'
import type { Digest } from '../util/index.ts'
import type { IdTree, Summary } from './types.ts'

export interface StoredTreeInit {
  /** Its keys are the ids; its values are the owner's business. */
  readonly ids: Table
  /** Nodes of the tree, and nothing else. */
  readonly nodes: Table
  /** What was read is not what was written. It is called in the middle of something else. */
  readonly onDamage?: (error: MeshError) => void
}

/** What a check of a whole tree has found. */
export interface TreeCheck {
  readonly ids: number
  readonly nodes: number
  /** What is wrong, a sentence each; none if nothing is. */
  readonly damage: readonly string[]
}

/** The tree of a table's keys, kept beside it. */
export interface StoredTree extends IdTree {
  /** After keys were put or removed in this transaction: `ids` are all of those. */
  update(tx: Transaction, ids: readonly Digest[]): void
  /** Makes all nodes anew. */
  rebuild(tx: Transaction): void
  /**
   * Holds all nodes against the ids, one after each `next`, so that others get their turn. What
   * changes meanwhile does not disturb it.
   */
  check(): Generator<void, TreeCheck>
}

const ID_BYTES = 32
/** Nodes that are read from the table at once. */
const PAGE_NODES = 64
/** Sentences about damage; whoever needs more has seen enough. */
const MAX_DAMAGE = 16

const equal = (a: Summary, b: Summary): boolean => a.count === b.count && a.hash === b.hash

const named = (prefix: string): string => (prefix === '' ? 'the root' : `node ${prefix}`)

export const createStoredTree = (
  store: Store,
  { ids: idTable, nodes: nodeTable, onDamage }: StoredTreeInit,
): StoredTree => {
  const readIds = (reader: Reader, prefix: string): Digest[] =>
    [...reader.range(idTable, rangeOfPrefix(prefix))].map(({ key }) => {
      if (key.length === ID_BYTES) return digestFromBytes(key)
      throw new MeshError('ERR_STATE_CORRUPT', `a stored id has ${key.length} bytes`)
    })

  /** The parts of a prefix that has more ids than a leaf; `undefined` if it has not. */
  const readNode = (reader: Reader, prefix: string): readonly Summary[] | undefined => {
    const value = reader.get(nodeTable, nodeKey(prefix))
    return value === undefined ? undefined : decodeNode(prefix, value)
  }

  const summaryOf = (reader: Reader, prefix: string): Summary => {
    if (prefix === '') {
      const root = readNode(reader, '')
      return root === undefined ? summarize(readIds(reader, ''), '') : summarizeNode(root)
    }
    const parent = readNode(reader, prefix.slice(0, -1))
    const child = parent?.[Number.parseInt(prefix.slice(-1), 16)]
    return child ?? summarize(readIds(reader, prefix), prefix)
  }

  const noticing = <T>(read: () => T): T => {
    try {
      return read()
    } catch (error) {
      if (isMeshError(error, 'ERR_STATE_CORRUPT')) onDamage?.(error)
      throw error
    }
  }

  /** Writes the nodes of a part from its ids alone, and answers with its summary. */
  const build = (tx: Transaction, prefix: string): Summary =>
    summarize(readIds(tx, prefix), prefix, (at, children) =>
      tx.put(nodeTable, nodeKey(at), encodeNode(children)),
    )

  const renew = (tx: Transaction, prefix: string, changed: readonly Digest[]): Summary => {
    const before = readNode(tx, prefix)
    if (before === undefined) return build(tx, prefix)
    const children = [...before]
    const groups = new Map<number, Digest[]>()
    for (const id of changed) {
      const digit = Number.parseInt(id[prefix.length] ?? '0', 16)
      const group = groups.get(digit)
      if (group === undefined) groups.set(digit, [id])
      else group.push(id)
    }
    for (const [digit, group] of groups) {
      children[digit] = renew(tx, `${prefix}${DIGITS[digit]}`, group)
    }
    const summary = summarizeNode(children)
    if (summary.count > LEAF_IDS) {
      tx.put(nodeTable, nodeKey(prefix), encodeNode(children))
      return summary
    }
    tx.remove(nodeTable, nodeKey(prefix))
    return summary.count === 0 ? EMPTY : summarizeLeaf(readIds(tx, prefix))
  }

  const rebuild = (tx: Transaction): void => {
    for (const { key } of tx.range(nodeTable)) tx.remove(nodeTable, key)
    for (const { key } of tx.range(idTable)) if (key.length !== ID_BYTES) tx.remove(idTable, key)
    build(tx, '')
  }

  /** What is wrong with one stored node, if anything is. */
  const faultOf = (prefix: string): string | undefined => {
    const children = readNode(store, prefix)
    if (children === undefined) return undefined
    const own = summarizeNode(children)
    if (own.count <= LEAF_IDS) return `${named(prefix)} has too few ids to be stored`
    if (prefix === '') {
      const count = store.count(idTable)
      if (own.count !== count) return `the root counts ${own.count} ids of ${count}`
    } else {
      const parent = readNode(store, prefix.slice(0, -1))
      const known = parent?.[Number.parseInt(prefix.slice(-1), 16)]
      if (known === undefined || !equal(known, own)) return `${named(prefix)} is not its parent's`
    }
    for (const [digit, child] of children.entries()) {
      const at = `${prefix}${DIGITS[digit]}`
      if (child.count > LEAF_IDS) {
        if (readNode(store, at) === undefined) return `node ${at} is missing`
      } else if (!equal(child, summarize(readIds(store, at), at))) {
        return `${named(prefix)} is wrong about the ids that begin with ${at}`
      }
    }
    return undefined
  }

  const describe = (prefix: string): string | undefined => {
    try {
      return faultOf(prefix)
    } catch (error) {
      if (!isMeshError(error, 'ERR_STATE_CORRUPT')) throw error
      return error.message
    }
  }

  return {
    summary: (prefix) => noticing(() => summaryOf(store, prefix)),
    children: (prefix) =>
      noticing(() => readNode(store, prefix) ?? childrenOf(readIds(store, prefix), prefix)),
    ids: (prefix) => readIds(store, prefix),

    update(tx, ids) {
      if (ids.length === 0) return
      try {
        renew(tx, '', ids)
      } catch (error) {
        if (!isMeshError(error, 'ERR_STATE_CORRUPT')) throw error
        onDamage?.(error)
        rebuild(tx)
      }
    },
    rebuild,

    *check() {
      const damage: string[] = []
      let count = 0
      const note = (fault: string | undefined): void => {
        if (fault !== undefined && damage.length < MAX_DAMAGE) damage.push(fault)
      }
      const total = store.count(idTable)
      if (total > LEAF_IDS && readNodeSafely() === undefined) note('the root is missing')
      let start: Uint8Array | undefined
      for (;;) {
        const range = { limit: PAGE_NODES, ...(start === undefined ? {} : { start }) }
        const keys = [...store.range(nodeTable, range)].map(({ key }) => Uint8Array.from(key))
        for (const key of keys) {
          const prefix = prefixOfKey(key)
          count++
          note(prefix === undefined ? 'a node whose key is none' : describe(prefix))
          yield
        }
        const last = keys.at(-1)
        if (last === undefined || keys.length < PAGE_NODES) break
        start = Uint8Array.from([...last, 0])
      }
      return { ids: store.count(idTable), nodes: count, damage }
    },
  }

  function readNodeSafely(): readonly Summary[] | 'damaged' | undefined {
    try {
      return readNode(store, '')
    } catch {
      return 'damaged'
    }
  }
}
