import { utf8 } from '../util/index.ts'
import { decoded, isPinnedIn, NOBODY, ownerIn, storedIn, totalsIn } from './row-reads.ts'
import * as rows from './rows.ts'
import type { Transaction } from '../store/index.ts'
import type { Digest } from '../util/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Loose, OwnerRow, Ref, Stored, Totals } from './rows.ts'
import type { Owner } from './types.ts'

const changeTotals = (tx: Transaction, change: (totals: Totals) => Partial<Totals>): Totals => {
  const before = totalsIn(tx)
  const after = { ...before, ...change(before) }
  tx.put(rows.metaTable, rows.TOTALS_KEY, rows.encodeTotals(after))
  return before
}

const countContent = (tx: Transaction, row: OwnerRow | undefined, by: 1 | -1): void => {
  if (row?.state !== 'content') return
  changeTotals(tx, (totals) => ({
    contents: totals.contents + by,
    contentBlocks: totals.contentBlocks + by * row.blocks,
    contentBytes: totals.contentBytes + by * row.sizeBytes,
  }))
}

/** Whatever was wrong with the content as a whole is over. */
const mendContent = (tx: Transaction, row: OwnerRow | undefined): void => {
  if (row?.content !== undefined) {
    tx.remove(rows.damageTable, rows.refKey(row.content, row.number))
  }
}

export const putOwner = (
  tx: Transaction,
  owner: Owner,
  row: Omit<OwnerRow, 'number'>,
): OwnerRow => {
  const before = ownerIn(tx, owner)
  const number =
    before?.number ?? changeTotals(tx, ({ nextOwner }) => ({ nextOwner: nextOwner + 1 })).nextOwner
  const after: OwnerRow = { ...row, number }
  tx.put(rows.ownerTable, utf8(owner), rows.encodeOwnerRow(after))
  tx.put(rows.ownerNumberTable, rows.numberKey(number), utf8(owner))
  countContent(tx, before, -1)
  countContent(tx, after, 1)
  if (after.state === 'adding') {
    mendContent(tx, before)
    // What was put together anew came after a row that did not name the content.
    mendContent(tx, after)
  }
  return after
}

export const forgetOwner = (tx: Transaction, owner: Owner, row: OwnerRow): void => {
  countContent(tx, row, -1)
  mendContent(tx, row)
  tx.remove(rows.ownerTable, utf8(owner))
  tx.remove(rows.ownerNumberTable, rows.numberKey(row.number))
}

/** The number of an owner that is going to pin something. */
const pinning = (tx: Transaction, owner: Owner, nowMs: number): number =>
  (
    ownerIn(tx, owner) ??
    putOwner(tx, owner, { state: 'pins', sizeBytes: 0, blocks: 0, atMs: nowMs })
  ).number

export const refIn = (tx: Transaction, digest: Digest, number: number): Ref | undefined =>
  decoded(tx, rows.refTable, rows.refKey(digest, number), rows.decodeRef)

export const putRef = (tx: Transaction, digest: Digest, number: number, ref: Ref): void => {
  tx.put(rows.refTable, rows.refKey(digest, number), rows.encodeRef(ref))
  tx.put(rows.ownedTable, rows.ownedKey(number, digest), rows.THERE)
}

export const removeRef = (tx: Transaction, digest: Digest, number: number): void => {
  tx.remove(rows.refTable, rows.refKey(digest, number))
  tx.remove(rows.ownedTable, rows.ownedKey(number, digest))
  tx.remove(rows.damageTable, rows.refKey(digest, number))
}

const putLoose = (tx: Transaction, digest: Digest, loose: Loose): void =>
  tx.put(rows.looseTable, rows.digestKey(digest), rows.encodeLoose(loose))

/** What becomes of a stored block that has lost an owner. */
export const loosen = (tx: Transaction, digest: Digest, nowMs: number): void => {
  if (isPinnedIn(tx, digest)) return
  if (storedIn(tx, digest) === undefined) {
    tx.remove(rows.damageTable, rows.refKey(digest, NOBODY))
  } else {
    putLoose(tx, digest, { why: 'unreferenced', sinceMs: nowMs })
  }
}

export const pinIn = (tx: Transaction, digest: Digest, owner: Owner, nowMs: number): void => {
  const number = pinning(tx, owner, nowMs)
  putRef(tx, digest, number, { ...refIn(tx, digest, number), pinned: true })
  tx.remove(rows.looseTable, rows.digestKey(digest))
}

export const removeStored = (tx: Transaction, digest: Digest): Stored | undefined => {
  const stored = storedIn(tx, digest)
  if (stored === undefined) return undefined
  const key = rows.digestKey(digest)
  tx.remove(rows.storedTable, key)
  if (stored.place === 'inline') tx.remove(rows.inlineTable, key)
  tx.remove(rows.looseTable, key)
  changeTotals(tx, ({ storedBlocks, storedBytes }) => ({
    storedBlocks: storedBlocks - 1,
    storedBytes: storedBytes - stored.sizeBytes,
  }))
  return stored
}

export const keepIn = (
  tx: Transaction,
  digest: Digest,
  { sizeBytes, inline, owner, nowMs }: Parameters<Catalogue['keep']>[1],
): void => {
  const key = rows.digestKey(digest)
  if (storedIn(tx, digest) === undefined) {
    const place = inline === undefined ? 'file' : 'inline'
    tx.put(rows.storedTable, key, rows.encodeStored({ place, sizeBytes }))
    if (inline !== undefined) tx.put(rows.inlineTable, key, inline)
    changeTotals(tx, (totals) => ({
      storedBlocks: totals.storedBlocks + 1,
      storedBytes: totals.storedBytes + sizeBytes,
    }))
  }
  tx.remove(rows.damageTable, rows.refKey(digest, NOBODY))
  if (owner !== undefined) pinIn(tx, digest, owner, nowMs)
  else if (!isPinnedIn(tx, digest)) putLoose(tx, digest, { why: 'cache', sinceMs: nowMs })
}
