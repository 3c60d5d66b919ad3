import { MeshError } from '../errors/index.ts'
import { utf8 } from '../util/index.ts'
import { MAX_ENTRIES_PER_TRANSACTION } from './limits.ts'
import * as rows from './rows.ts'
import type { Range, Reader, Store, Table, Transaction } from '../store/index.ts'
import type { Digest } from '../util/index.ts'
import type { DamageRow, Loose, OwnerRow, Ref, ScrubRow, Stored, Totals } from './rows.ts'
import type { Owner } from './types.ts'

/** A block as it is kept by one owner. */
export interface OwnedRef extends Ref {
  readonly owner: Owner
}

/** A block in a content. */
export interface ContentBlock {
  readonly digest: Digest
  readonly offset: number
  readonly sizeBytes: number
}

/** A row that was read by pages, so that it may be old: look again before acting on it. */
export interface Entry<K, V> {
  readonly key: K
  readonly value: V
}

/** What a row of damage can count. */
const MAX_COUNTED_BYTES = 2 ** 32 - 1
/** Number of the store itself among the owners of damage. */
const NOBODY = 0

/** The rows of the block store, and the transactions that change them. */
export interface Catalogue {
  stored(digest: Digest): Stored | undefined
  inlineBytes(digest: Digest): Uint8Array | undefined
  loose(digest: Digest): Loose | undefined
  /** Who keeps the block, at most `limit` of them. */
  refs(digest: Digest, limit: number): OwnedRef[]
  /** Whether some content serves the block. */
  isServed(digest: Digest): boolean
  isPinned(digest: Digest): boolean
  /** Owners that pin the block. */
  pinnedBy(digest: Digest): Owner[]
  owner(owner: Owner): OwnerRow | undefined
  totals(): Totals
  scrub(): ScrubRow
  damageCount(): number

  storedBlocks(after?: Digest): Iterable<Entry<Digest, Stored>>
  looseBlocks(): Iterable<Entry<Digest, Loose>>
  owners(after?: Owner): Iterable<Entry<Owner, OwnerRow>>
  damages(): Iterable<Entry<{ digest: Digest; owner: Owner | undefined }, DamageRow>>

  /** A block is in the store; `owner` pins it, without one it is cache unless somebody pins it. */
  keep(
    digest: Digest,
    block: { sizeBytes: number; inline?: Uint8Array; owner?: Owner; nowMs: number },
  ): Promise<void>
  /** `false` if the block is not in the store. */
  pin(digest: Digest, owner: Owner, nowMs: number): Promise<boolean>
  unpin(digest: Digest, owner: Owner, nowMs: number): Promise<void>
  /** Takes a block out of the store that nobody pins; `false`, and nothing done, if somebody does. */
  drop(digest: Digest): Promise<boolean>
  /** A stored block is wrong; answers who pins it. */
  loseStored(digest: Digest, nowMs: number): Promise<Owner[]>
  /** The block in the content of `owner` is wrong; `false` if that is known, or over. */
  loseServed(digest: Digest, owner: Owner, nowMs: number): Promise<boolean>
  /** The content of `owner` is wrong as a whole; `false` if that is known, or over. */
  loseContent(owner: Owner, nowMs: number): Promise<boolean>
  /** Forgets damage of what nobody keeps, from before `beforeMs`. */
  forgetDamage(beforeMs: number): Promise<void>

  /** Replaces the row of an owner, which is made if it is not there. */
  setOwner(owner: Owner, row: Omit<OwnerRow, 'number'>): Promise<OwnerRow>
  /** Serves these blocks out of the content of `owner` from now on. */
  serve(owner: Owner, blocks: readonly ContentBlock[]): Promise<void>
  /** Takes away some of what the owner keeps; answers the digests, none when there is no more. */
  release(owner: Owner, keep: ReadonlySet<Digest>, nowMs: number): Promise<Digest[]>
  /** Forgets an owner that keeps nothing any more. */
  forget(owner: Owner): Promise<void>
  setScrub(row: ScrubRow): Promise<void>
}

export const createCatalogue = (store: Store): Catalogue => {
  const decoded = <T>(
    reader: Reader,
    table: Table,
    key: Uint8Array,
    decode: (bytes: Uint8Array) => T,
  ): T | undefined => {
    const value = reader.get(table, key)
    return value === undefined ? undefined : decode(value)
  }

  const storedIn = (reader: Reader, digest: Digest): Stored | undefined =>
    decoded(reader, rows.storedTable, rows.digestKey(digest), rows.decodeStored)
  const ownerIn = (reader: Reader, owner: Owner): OwnerRow | undefined =>
    decoded(reader, rows.ownerTable, utf8(owner), rows.decodeOwnerRow)
  const totalsIn = (reader: Reader): Totals =>
    decoded(reader, rows.metaTable, rows.TOTALS_KEY, rows.decodeTotals) ?? rows.NO_TOTALS
  const ownerOfNumber = (reader: Reader, number: number): Owner => {
    const owner = decoded(reader, rows.ownerNumberTable, rows.numberKey(number), rows.readOwner)
    if (owner !== undefined) return owner
    throw new MeshError('ERR_STATE_CORRUPT', `no owner of blocks has the number ${number}`)
  }

  function* refsIn(
    reader: Reader,
    digest: Digest,
    limit?: number,
  ): Iterable<{ number: number; ref: Ref }> {
    const range = rows.rangeOf(rows.digestKey(digest))
    const entries = reader.range(rows.refTable, limit === undefined ? range : { ...range, limit })
    for (const { key, value } of entries) {
      yield { number: rows.readRefKey(key).number, ref: rows.decodeRef(value) }
    }
  }
  const someRef = (reader: Reader, digest: Digest, is: (ref: Ref) => boolean): boolean => {
    for (const { ref } of refsIn(reader, digest)) if (is(ref)) return true
    return false
  }
  const pinnersIn = (reader: Reader, digest: Digest): Owner[] =>
    [...refsIn(reader, digest)].flatMap(({ number, ref }) =>
      ref.pinned ? [ownerOfNumber(reader, number)] : [],
    )
  const isPinnedIn = (reader: Reader, digest: Digest): boolean =>
    someRef(reader, digest, ({ pinned }) => pinned)

  /** Entries of a table by pages, so that no reader stays open while others write. */
  function* pages(
    table: Table,
    after?: Uint8Array,
  ): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    let start = after
    for (;;) {
      const range: Range = { limit: MAX_ENTRIES_PER_TRANSACTION + 1 }
      const page = [...store.range(table, start === undefined ? range : { ...range, start })]
      // A page begins with the key that the last one ended with.
      const fresh = page.filter(({ key }) => start === undefined || Buffer.compare(key, start) > 0)
      if (fresh.length === 0) return
      yield* fresh
      start = fresh.at(-1)?.key
    }
  }

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

  const putOwner = (tx: Transaction, owner: Owner, row: Omit<OwnerRow, 'number'>): OwnerRow => {
    const before = ownerIn(tx, owner)
    const number =
      before?.number ??
      changeTotals(tx, ({ nextOwner }) => ({ nextOwner: nextOwner + 1 })).nextOwner
    const after: OwnerRow = { ...row, number }
    tx.put(rows.ownerTable, utf8(owner), rows.encodeOwnerRow(after))
    tx.put(rows.ownerNumberTable, rows.numberKey(number), utf8(owner))
    countContent(tx, before, -1)
    countContent(tx, after, 1)
    if (after.state === 'adding') mendContent(tx, before)
    return after
  }

  const forgetOwner = (tx: Transaction, owner: Owner, row: OwnerRow): void => {
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

  const refIn = (tx: Transaction, digest: Digest, number: number): Ref | undefined =>
    decoded(tx, rows.refTable, rows.refKey(digest, number), rows.decodeRef)

  const putRef = (tx: Transaction, digest: Digest, number: number, ref: Ref): void => {
    tx.put(rows.refTable, rows.refKey(digest, number), rows.encodeRef(ref))
    tx.put(rows.ownedTable, rows.ownedKey(number, digest), rows.THERE)
  }

  const removeRef = (tx: Transaction, digest: Digest, number: number): void => {
    tx.remove(rows.refTable, rows.refKey(digest, number))
    tx.remove(rows.ownedTable, rows.ownedKey(number, digest))
    tx.remove(rows.damageTable, rows.refKey(digest, number))
  }

  const putLoose = (tx: Transaction, digest: Digest, loose: Loose): void =>
    tx.put(rows.looseTable, rows.digestKey(digest), rows.encodeLoose(loose))

  /** What becomes of a stored block that has lost an owner. */
  const loosen = (tx: Transaction, digest: Digest, nowMs: number): void => {
    if (isPinnedIn(tx, digest)) return
    if (storedIn(tx, digest) === undefined) {
      tx.remove(rows.damageTable, rows.refKey(digest, NOBODY))
    } else {
      putLoose(tx, digest, { why: 'unreferenced', sinceMs: nowMs })
    }
  }

  const pinIn = (tx: Transaction, digest: Digest, owner: Owner, nowMs: number): void => {
    const number = pinning(tx, owner, nowMs)
    putRef(tx, digest, number, { ...refIn(tx, digest, number), pinned: true })
    tx.remove(rows.looseTable, rows.digestKey(digest))
  }

  const removeStored = (tx: Transaction, digest: Digest): Stored | undefined => {
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

  const keepIn = (
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

  return {
    stored: (digest) => storedIn(store, digest),
    inlineBytes: (digest) => store.get(rows.inlineTable, rows.digestKey(digest)),
    loose: (digest) => decoded(store, rows.looseTable, rows.digestKey(digest), rows.decodeLoose),
    refs: (digest, limit) =>
      [...refsIn(store, digest, limit)].map(({ number, ref }) => ({
        ...ref,
        owner: ownerOfNumber(store, number),
      })),
    isServed: (digest) =>
      someRef(store, digest, ({ served }) => served !== undefined && !served.damaged),
    isPinned: (digest) => isPinnedIn(store, digest),
    pinnedBy: (digest) => pinnersIn(store, digest),
    owner: (owner) => ownerIn(store, owner),
    totals: () => totalsIn(store),
    scrub: () => decoded(store, rows.metaTable, rows.SCRUB_KEY, rows.decodeScrub) ?? rows.NO_SCRUB,
    damageCount: () => store.count(rows.damageTable),

    *storedBlocks(after) {
      const from = after === undefined ? undefined : rows.digestKey(after)
      for (const { key, value } of pages(rows.storedTable, from)) {
        yield { key: rows.readDigestKey(key), value: rows.decodeStored(value) }
      }
    },
    *looseBlocks() {
      for (const { key, value } of pages(rows.looseTable)) {
        yield { key: rows.readDigestKey(key), value: rows.decodeLoose(value) }
      }
    },
    *owners(after) {
      for (const { key, value } of pages(
        rows.ownerTable,
        after === undefined ? undefined : utf8(after),
      )) {
        yield { key: rows.readOwner(key), value: rows.decodeOwnerRow(value) }
      }
    },
    *damages() {
      for (const { key, value } of pages(rows.damageTable)) {
        const { digest, number } = rows.readRefKey(key)
        const owner = number === NOBODY ? undefined : ownerOfNumber(store, number)
        yield { key: { digest, owner }, value: rows.decodeDamageRow(value) }
      }
    },

    keep: (digest, block) => store.transaction((tx) => keepIn(tx, digest, block)),
    pin: (digest, owner, nowMs) =>
      store.transaction((tx) => {
        if (storedIn(tx, digest) === undefined) return false
        pinIn(tx, digest, owner, nowMs)
        return true
      }),
    unpin: (digest, owner, nowMs) =>
      store.transaction((tx) => {
        const row = ownerIn(tx, owner)
        const ref = row && refIn(tx, digest, row.number)
        if (row === undefined || ref?.pinned !== true) return
        if (ref.served === undefined) removeRef(tx, digest, row.number)
        else putRef(tx, digest, row.number, { ...ref, pinned: false })
        loosen(tx, digest, nowMs)
        const { start = new Uint8Array(), end } = rows.rangeOf(rows.numberKey(row.number))
        const left = [...tx.range(rows.ownedTable, { start, ...(end && { end }), limit: 1 })]
        if (left.length === 0 && row.state === 'pins') forgetOwner(tx, owner, row)
      }),
    drop: (digest) =>
      store.transaction((tx) => {
        if (isPinnedIn(tx, digest)) return false
        removeStored(tx, digest)
        return true
      }),
    loseStored: (digest, nowMs) =>
      store.transaction((tx) => {
        const stored = removeStored(tx, digest)
        if (stored === undefined) return []
        const row = rows.encodeDamageRow({ sizeBytes: stored.sizeBytes, atMs: nowMs })
        tx.put(rows.damageTable, rows.refKey(digest, NOBODY), row)
        return pinnersIn(tx, digest)
      }),
    loseServed: (digest, owner, nowMs) =>
      store.transaction((tx) => {
        const row = ownerIn(tx, owner)
        const ref = row && refIn(tx, digest, row.number)
        if (row === undefined || ref?.served === undefined || ref.served.damaged) return false
        putRef(tx, digest, row.number, { ...ref, served: { ...ref.served, damaged: true } })
        const damage = rows.encodeDamageRow({ sizeBytes: ref.served.sizeBytes, atMs: nowMs })
        tx.put(rows.damageTable, rows.refKey(digest, row.number), damage)
        return true
      }),
    loseContent: (owner, nowMs) =>
      store.transaction((tx) => {
        const row = ownerIn(tx, owner)
        if (row?.content === undefined) return false
        const key = rows.refKey(row.content, row.number)
        if (tx.get(rows.damageTable, key) !== undefined) return false
        const damage = { sizeBytes: Math.min(row.sizeBytes, MAX_COUNTED_BYTES), atMs: nowMs }
        tx.put(rows.damageTable, key, rows.encodeDamageRow(damage))
        return true
      }),
    forgetDamage: (beforeMs) =>
      store.transaction((tx) => {
        for (const { key, value } of tx.range(rows.damageTable)) {
          const { digest, number } = rows.readRefKey(key)
          const isOver = rows.decodeDamageRow(value).atMs < beforeMs
          if (number === NOBODY && isOver && !isPinnedIn(tx, digest)) {
            tx.remove(rows.damageTable, key)
          }
        }
      }),

    setOwner: (owner, row) => store.transaction((tx) => putOwner(tx, owner, row)),
    serve: (owner, blocks) =>
      store.transaction((tx) => {
        const row = ownerIn(tx, owner)
        if (row === undefined) return
        for (const { digest, offset, sizeBytes } of blocks) {
          const pinned = refIn(tx, digest, row.number)?.pinned ?? false
          const served = { offset, sizeBytes, damaged: false }
          putRef(tx, digest, row.number, { pinned, served })
          tx.remove(rows.damageTable, rows.refKey(digest, row.number))
        }
      }),
    release: (owner, keep, nowMs) =>
      store.transaction((tx) => {
        const row = ownerIn(tx, owner)
        if (row === undefined) return []
        const range = rows.rangeOf(rows.numberKey(row.number))
        const limit = MAX_ENTRIES_PER_TRANSACTION + keep.size
        const released: Digest[] = []
        for (const { key } of tx.range(rows.ownedTable, { ...range, limit })) {
          const { digest } = rows.readOwnedKey(key)
          if (keep.has(digest)) continue
          const pinned = refIn(tx, digest, row.number)?.pinned
          removeRef(tx, digest, row.number)
          if (pinned === true) loosen(tx, digest, nowMs)
          released.push(digest)
        }
        return released
      }),
    forget: (owner) =>
      store.transaction((tx) => {
        const row = ownerIn(tx, owner)
        if (row !== undefined) forgetOwner(tx, owner, row)
      }),
    setScrub: (row) =>
      store.transaction((tx) => tx.put(rows.metaTable, rows.SCRUB_KEY, rows.encodeScrub(row))),
  }
}
