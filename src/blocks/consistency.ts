import { MAX_ENTRIES_PER_TRANSACTION, MAX_RECOUNTED_BLOCKS } from './limits.ts'
import * as rows from './rows.ts'
import type { Range, Store, Table, Transaction } from '../store/index.ts'

type Mend = (tx: Transaction, key: Uint8Array, value: Uint8Array) => boolean

const isPinned = (tx: Transaction, digestKey: Uint8Array): boolean => {
  for (const { value } of tx.range(rows.refTable, rows.rangeOf(digestKey))) {
    if (rows.decodeRef(value).pinned) return true
  }
  return false
}

/** A stored block is pinned, or is among those that nobody keeps; the store has its bytes. */
const mendStored =
  (nowMs: number): Mend =>
  (tx, key) => {
    if (isPinned(tx, key) || tx.get(rows.looseTable, key) !== undefined) return false
    tx.put(rows.looseTable, key, rows.encodeLoose({ why: 'unreferenced', sinceMs: nowMs }))
    return true
  }

/** What nobody keeps is stored, and nobody keeps it. */
const mendLoose: Mend = (tx, key) => {
  if (tx.get(rows.storedTable, key) !== undefined && !isPinned(tx, key)) return false
  tx.remove(rows.looseTable, key)
  return true
}

/** A reference is found from both ends, and its owner is there. */
const mendRef: Mend = (tx, key) => {
  const { digest, number } = rows.readRefKey(key)
  if (tx.get(rows.ownerNumberTable, rows.numberKey(number)) === undefined) {
    tx.remove(rows.refTable, key)
    return true
  }
  if (tx.get(rows.ownedTable, rows.ownedKey(number, digest)) !== undefined) return false
  tx.put(rows.ownedTable, rows.ownedKey(number, digest), rows.THERE)
  return true
}

const mendOwned: Mend = (tx, key) => {
  const { digest, number } = rows.readOwnedKey(key)
  if (tx.get(rows.refTable, rows.refKey(digest, number)) !== undefined) return false
  tx.remove(rows.ownedTable, key)
  return true
}

const mendInline: Mend = (tx, key) => {
  if (tx.get(rows.storedTable, key) !== undefined) return false
  tx.remove(rows.inlineTable, key)
  return true
}

/** Counts again what is counted. */
const mendTotals = (tx: Transaction): boolean => {
  if (tx.count(rows.storedTable) > MAX_RECOUNTED_BLOCKS) return false
  const value = tx.get(rows.metaTable, rows.TOTALS_KEY)
  const totals = value === undefined ? rows.NO_TOTALS : rows.decodeTotals(value)
  const stored = [...tx.range(rows.storedTable)].map((entry) => rows.decodeStored(entry.value))
  const contents = [...tx.range(rows.ownerTable)]
    .map((entry) => rows.decodeOwnerRow(entry.value))
    .filter(({ state }) => state === 'content')
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
  const counted = rows.encodeTotals({
    nextOwner: totals.nextOwner,
    storedBlocks: stored.length,
    storedBytes: sum(stored.map(({ sizeBytes }) => sizeBytes)),
    contents: contents.length,
    contentBlocks: sum(contents.map(({ blocks }) => blocks)),
    contentBytes: sum(contents.map(({ sizeBytes }) => sizeBytes)),
  })
  if (Buffer.compare(counted, rows.encodeTotals(totals)) === 0) return false
  tx.put(rows.metaTable, rows.TOTALS_KEY, counted)
  return true
}

/**
 * Looks for rows that contradict each other, which no crash leaves but a damaged database may, and
 * mends them towards keeping bytes. Answers how many there were.
 */
export const mendRows = async (
  store: Store,
  { nowMs, check }: { nowMs: number; check: () => void },
): Promise<number> => {
  let mended = 0
  const mendAll = async (table: Table, mend: Mend): Promise<void> => {
    let start: Uint8Array | undefined
    for (;;) {
      check()
      const range: Range = { limit: MAX_ENTRIES_PER_TRANSACTION, ...(start && { start }) }
      const last = await store.transaction((tx) => {
        const page = [...tx.range(table, range)]
        for (const { key, value } of page) if (mend(tx, key, value)) mended++
        return page.length < MAX_ENTRIES_PER_TRANSACTION ? undefined : page.at(-1)?.key
      })
      if (last === undefined) return
      // The first key behind the last one.
      start = Buffer.concat([last, Buffer.of(0)])
    }
  }
  await mendAll(rows.refTable, mendRef)
  await mendAll(rows.ownedTable, mendOwned)
  await mendAll(rows.storedTable, mendStored(nowMs))
  await mendAll(rows.looseTable, mendLoose)
  await mendAll(rows.inlineTable, mendInline)
  if (await store.transaction(mendTotals)) mended++
  return mended
}
