import { isMeshError } from '../errors/index.ts'
import {
  decodeSignedStatement,
  encodeSignedStatement,
  mergeSignatures,
} from '../statement/index.ts'
import { createStoredTree } from '../tree/index.ts'
import { concatBytes, digestFromBytes, digestToBytes } from '../util/index.ts'
import { checkIndex } from './index-check.ts'
import { PAGE_ENTRIES } from './limits.ts'
import { decodeRow, encodeRow } from './row.ts'
import {
  decodeKept,
  decodePlace,
  encodeKept,
  encodePlace,
  historyKey,
  historyTable,
  indexTable,
  keptKey,
  keptTable,
  nameKey,
  nameOfKey,
  rangeOfName,
  readNameKey,
  readWakeKey,
  rowTable,
  treeTable,
  wakeKey,
  wakesAround,
  wakesToCome,
  wakeTable,
} from './tables.ts'
import type { MeshError } from '../errors/index.ts'
import type { Logger } from '../observe/index.ts'
import type { FileName, SignedStatement } from '../statement/index.ts'
import type { Entry, Range, Reader, Store, Table, Transaction } from '../store/index.ts'
import type { IdTree } from '../tree/index.ts'
import type { Digest } from '../util/index.ts'
import type { Kept } from './kept.ts'
import type { Row } from './row.ts'
import type { Place } from './tables.ts'
import type { FileRecord } from './types.ts'

/** What one transaction changes about a name. */
export interface Change {
  readonly before: Row | undefined
  readonly after: Row
  /** All records of `after`. @default the same as before */
  readonly records?: readonly FileRecord[]
  /** Registers that were taken in or have changed. */
  readonly added?: readonly Kept[]
  /** Slots of registers that are empty now. */
  readonly removed?: readonly Digest[]
  /** What was taken in, as it goes into the history. */
  readonly seen?: SignedStatement
  /** Statements that the history keeps. */
  readonly history: number
}

/**
 * The stored side of the domain. What turns out to be damaged on reading is logged and treated as
 * absent, so that one bad entry costs its name a statement (which peers bring back) and no more.
 */
export interface Catalogue {
  kept(name: FileName): Kept[]
  row(name: FileName): Row | undefined
  /** Whether there is anything about this name. */
  knows(name: FileName): boolean
  history(name: FileName): SignedStatement[]
  place(id: Digest): Place | undefined
  /** In order of ids. */
  index(): Iterable<{ readonly id: Digest; readonly name: FileName }>
  /** The ids of the index as a tree. */
  readonly tree: IdTree
  /**
   * Holds the tree against the index, a little at a time, and makes it anew if it is damaged. Whether
   * it was.
   */
  mendTree(pause: () => Promise<void>): Promise<boolean>
  /** Whether the index fits what it follows from; a little at a time. */
  isIndexSound(pause: () => Promise<void>): Promise<boolean>
  /** The same, of the root alone: cheap enough for every start. */
  mendRoot(): Promise<boolean>
  rows(): Iterable<{ readonly name: FileName; readonly row: Row | undefined }>
  /** Names with any kept statement, each once. */
  keptNames(): Iterable<FileName>
  /** Names whose wakes the clock has passed, in either direction. */
  awake(nowMs: number): Set<FileName>
  /** The next moment at which a name has to be looked at. */
  nextWakeMs(): number | undefined
  isEmpty(): boolean
  /** Durable when resolved. Answers with the statements that have left the history. */
  change(name: FileName, change: Change): Promise<readonly SignedStatement[]>
  /** Forgets a name altogether. */
  drop(name: FileName): Promise<void>
  /** Drops every kept entry that is damaged or that `isValid` refuses; answers with their names. */
  sift(isValid: (kept: Kept) => boolean): Promise<Set<FileName>>
  /** Makes the index anew, and has the rows speak of the same records. */
  rebuildIndex(
    recordsOf: (name: FileName, kept: readonly Kept[]) => readonly FileRecord[],
  ): Promise<void>
}

export const createCatalogue = (
  { store, logger }: { store: Store; logger: Logger },
  { onTreeDamage = () => {} }: { onTreeDamage?: (error: MeshError) => void } = {},
): Catalogue => {
  const tree = createStoredTree(store, {
    ids: indexTable,
    nodes: treeTable,
    onDamage: onTreeDamage,
  })

  const tolerate = <T>(name: string, read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!isMeshError(error)) throw error
      logger.error({ name, error }, 'a stored entry is damaged and ignored')
      return undefined
    }
  }

  /** Walks a table page by page, so that nothing is held open while the caller does other things. */
  function* walk(table: Table, range: Range = {}): Iterable<Entry> {
    let start = range.start
    for (;;) {
      const page = [
        ...store.range(table, {
          ...(start === undefined ? {} : { start }),
          ...(range.end === undefined ? {} : { end: range.end }),
          limit: PAGE_ENTRIES,
        }),
      ]
      yield* page
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE_ENTRIES) return
      start = concatBytes(last.key, Uint8Array.of(0))
    }
  }

  function* keptNames(): Iterable<FileName> {
    let last: FileName | undefined
    for (const { key } of walk(keptTable)) {
      const name = tolerate('kept', () => nameOfKey(key))
      if (name === undefined || name === last) continue
      last = name
      yield name
    }
  }

  const readKept = (reader: Reader, name: FileName): Kept[] =>
    [...reader.range(keptTable, rangeOfName(name))].flatMap(
      ({ key, value }) => tolerate(name, () => decodeKept(key, value)) ?? [],
    )

  const readHistory = (reader: Reader, name: FileName): SignedStatement[] =>
    [...reader.range(historyTable, { ...rangeOfName(name), reverse: true })].flatMap(
      ({ value }) => tolerate(name, () => decodeSignedStatement(value)) ?? [],
    )

  const remember = (tx: Transaction, seen: SignedStatement): void => {
    const { name } = seen.statement
    const key = historyKey(seen)
    const before = tx.get(historyTable, key)
    const known =
      before === undefined ? undefined : tolerate(name, () => decodeSignedStatement(before))
    const merged =
      known === undefined ? seen : (tolerate(name, () => mergeSignatures(seen, known)) ?? seen)
    tx.put(historyTable, key, encodeSignedStatement(merged))
  }

  /** Shortens the history; answers with what has left it. */
  const shorten = (tx: Transaction, name: FileName, count: number): SignedStatement[] => {
    const all = [...tx.range(historyTable, { ...rangeOfName(name), reverse: true })]
    return all.slice(count).flatMap(({ key, value }) => {
      tx.remove(historyTable, key)
      return tolerate(name, () => decodeSignedStatement(value)) ?? []
    })
  }

  const reindex = (tx: Transaction, name: FileName, { before, records }: Change): void => {
    if (records === undefined) return
    const now = new Set(records.map(({ id }) => id))
    const then = new Set(before?.records)
    const changed: Digest[] = []
    for (const id of then) {
      if (now.has(id)) continue
      tx.remove(indexTable, digestToBytes(id))
      changed.push(id)
    }
    for (const { id, signed } of records) {
      if (then.has(id)) continue
      tx.put(indexTable, digestToBytes(id), encodePlace({ name, statement: signed.id }))
      changed.push(id)
    }
    tree.update(tx, changed)
  }

  return {
    kept: (name) => readKept(store, name),
    knows: (name) =>
      store.get(rowTable, nameKey(name)) !== undefined ||
      [...store.range(keptTable, { ...rangeOfName(name), limit: 1 })].length > 0,
    history: (name) => readHistory(store, name),
    row(name) {
      const value = store.get(rowTable, nameKey(name))
      return value === undefined ? undefined : tolerate(name, () => decodeRow(value))
    },
    place(id) {
      const value = store.get(indexTable, digestToBytes(id))
      return value === undefined ? undefined : tolerate(id, () => decodePlace(value))
    },
    *index() {
      for (const { key, value } of walk(indexTable)) {
        const place = tolerate('index', () => decodePlace(value))
        if (place !== undefined) yield { id: digestFromBytes(key), name: place.name }
      }
    },
    tree,
    async mendTree(pause) {
      const checking = tree.check()
      let next = checking.next()
      for (; !next.done; next = checking.next()) await pause()
      const { damage } = next.value
      if (damage.length === 0) return false
      logger.error({ damage }, 'the tree of hashes over the index is damaged and made anew')
      await store.transaction((tx) => tree.rebuild(tx))
      return true
    },
    async isIndexSound(pause) {
      const checking = checkIndex(store)
      let next = checking.next()
      for (; !next.done; next = checking.next()) await pause()
      const damage = next.value
      if (damage.length > 0) logger.error({ damage }, 'the index of records is damaged')
      return damage.length === 0
    },
    async mendRoot() {
      const root = tolerate('tree', () => tree.summary(''))
      if (root?.count === store.count(indexTable)) return false
      await store.transaction((tx) => tree.rebuild(tx))
      return true
    },
    *rows() {
      for (const { key, value } of walk(rowTable)) {
        const name = tolerate('row', () => readNameKey(key))
        if (name !== undefined) yield { name, row: tolerate(name, () => decodeRow(value)) }
      }
    },
    keptNames,
    awake(nowMs) {
      const { due, undone } = wakesAround(nowMs)
      const names = new Set<FileName>()
      for (const range of [due, undone]) {
        for (const { key } of walk(wakeTable, range)) {
          const wake = tolerate('wake', () => readWakeKey(key))
          if (wake !== undefined) names.add(wake.name)
        }
      }
      return names
    },
    nextWakeMs() {
      for (const { key } of store.range(wakeTable, { ...wakesToCome, limit: 1 })) {
        return tolerate('wake', () => readWakeKey(key))?.atMs
      }
      return undefined
    },
    isEmpty: () => store.count(rowTable) === 0 && store.count(keptTable) === 0,
    async change(name, change) {
      const { before, after, added = [], removed = [], seen } = change
      let left: readonly SignedStatement[] = []
      await store.transaction((tx) => {
        for (const kept of added) tx.put(keptTable, keptKey(name, kept.slot), encodeKept(kept))
        for (const slot of removed) tx.remove(keptTable, keptKey(name, slot))
        if (seen !== undefined) remember(tx, seen)
        left = shorten(tx, name, change.history)
        reindex(tx, name, change)
        for (const wake of before?.wakes ?? []) tx.remove(wakeTable, wakeKey(wake, name))
        for (const wake of after.wakes) tx.put(wakeTable, wakeKey(wake, name), Uint8Array.of(1))
        tx.put(rowTable, nameKey(name), encodeRow(after))
      })
      return left
    },
    async drop(name) {
      await store.transaction((tx) => {
        const value = tx.get(rowTable, nameKey(name))
        const row = value === undefined ? undefined : tolerate(name, () => decodeRow(value))
        for (const id of row?.records ?? []) tx.remove(indexTable, digestToBytes(id))
        tree.update(tx, row?.records ?? [])
        for (const wake of row?.wakes ?? []) tx.remove(wakeTable, wakeKey(wake, name))
        for (const table of [keptTable, historyTable]) {
          for (const { key } of [...tx.range(table, rangeOfName(name))]) tx.remove(table, key)
        }
        tx.remove(rowTable, nameKey(name))
      })
    },
    async sift(isValid) {
      const bad: Uint8Array[] = []
      for (const { key, value } of walk(keptTable)) {
        const kept = tolerate('kept', () => decodeKept(key, value))
        if (kept === undefined || !isValid(kept)) bad.push(key)
      }
      if (bad.length === 0) return new Set()
      await store.transaction((tx) => {
        for (const key of bad) tx.remove(keptTable, key)
      })
      return new Set(bad.flatMap((key) => tolerate('kept', () => nameOfKey(key)) ?? []))
    },
    async rebuildIndex(recordsOf) {
      await store.transaction((tx) => {
        const keys = [...tx.range(keptTable)].map(({ key }) =>
          tolerate('kept', () => nameOfKey(key)),
        )
        const names = new Set(keys.filter((name) => name !== undefined))
        for (const { key } of [...tx.range(indexTable)]) tx.remove(indexTable, key)
        for (const name of names) {
          const value = tx.get(rowTable, nameKey(name))
          const row = value === undefined ? undefined : tolerate(name, () => decodeRow(value))
          // What has no row yet comes into the index with its publication.
          if (row === undefined) continue
          const records = recordsOf(name, readKept(tx, name))
          for (const { id, signed } of records) {
            tx.put(indexTable, digestToBytes(id), encodePlace({ name, statement: signed.id }))
          }
          // A publication that the disk refused left a row of other rules: what it does not speak of
          // would never leave the index again.
          tx.put(rowTable, nameKey(name), encodeRow({ ...row, records: records.map((r) => r.id) }))
        }
        tree.rebuild(tx)
      })
    },
  }
}
