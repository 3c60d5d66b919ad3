import { utf8 } from '../util/index.ts'
import { MAX_ENTRIES_PER_TRANSACTION, MAX_MISFITS } from './limits.ts'
import {
  forgetOwner,
  keepIn,
  loosen,
  pinIn,
  putOwner,
  putRef,
  refIn,
  removeRef,
  removeStored,
} from './row-changes.ts'
import {
  decoded,
  isPinnedIn,
  NOBODY,
  ownerIn,
  ownerOfNumber,
  pinnersIn,
  refsIn,
  someRef,
  storedIn,
  totalsIn,
} from './row-reads.ts'
import * as rows from './rows.ts'
import type { Range, Store, Table } from '../store/index.ts'
import type { Digest } from '../util/index.ts'
import type { DamageRow, Loose, OwnerRow, Ref, ScrubRow, Stored, Totals } from './rows.ts'
import type { Owner, SignedContent } from './types.ts'

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
  /** Whether it is known that the blocks of its list do not make this content. */
  isMisfit(content: SignedContent): boolean
  addMisfit(content: SignedContent): Promise<void>
  removeMisfit(content: SignedContent): Promise<void>
}

export const createCatalogue = (store: Store): Catalogue => {
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
    isMisfit: (content) => store.get(rows.misfitTable, rows.misfitKey(content)) !== undefined,
    addMisfit: (content) =>
      store.transaction((tx) => {
        // What is forgotten for it is found out again by the next scrub.
        const [first] = [...tx.range(rows.misfitTable, { limit: 1 })]
        const isFull = store.count(rows.misfitTable) >= MAX_MISFITS
        if (isFull && first !== undefined) tx.remove(rows.misfitTable, first.key)
        tx.put(rows.misfitTable, rows.misfitKey(content), rows.THERE)
      }),
    removeMisfit: (content) =>
      store.transaction((tx) => void tx.remove(rows.misfitTable, rows.misfitKey(content))),
    setScrub: (row) =>
      store.transaction((tx) => tx.put(rows.metaTable, rows.SCRUB_KEY, rows.encodeScrub(row))),
  }
}
