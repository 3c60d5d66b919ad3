import { MeshError } from '../errors/index.ts'
import { utf8 } from '../util/index.ts'
import * as rows from './rows.ts'
import type { Reader, Table } from '../store/index.ts'
import type { Digest } from '../util/index.ts'
import type { OwnerRow, Ref, Stored, Totals } from './rows.ts'
import type { Owner } from './types.ts'

/** Number of the store itself among the owners of damage. */
export const NOBODY = 0

/** A row in its decoded form, if it is there. */
export const decoded = <T>(
  reader: Reader,
  table: Table,
  key: Uint8Array,
  decode: (bytes: Uint8Array) => T,
): T | undefined => {
  const value = reader.get(table, key)
  return value === undefined ? undefined : decode(value)
}

export const storedIn = (reader: Reader, digest: Digest): Stored | undefined =>
  decoded(reader, rows.storedTable, rows.digestKey(digest), rows.decodeStored)

export const ownerIn = (reader: Reader, owner: Owner): OwnerRow | undefined =>
  decoded(reader, rows.ownerTable, utf8(owner), rows.decodeOwnerRow)

export const totalsIn = (reader: Reader): Totals =>
  decoded(reader, rows.metaTable, rows.TOTALS_KEY, rows.decodeTotals) ?? rows.NO_TOTALS

export const ownerOfNumber = (reader: Reader, number: number): Owner => {
  const owner = decoded(reader, rows.ownerNumberTable, rows.numberKey(number), rows.readOwner)
  if (owner !== undefined) return owner
  throw new MeshError('ERR_STATE_CORRUPT', `no owner of blocks has the number ${number}`)
}

/** Who keeps a block, by their numbers. */
export function* refsIn(
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

export const someRef = (reader: Reader, digest: Digest, is: (ref: Ref) => boolean): boolean => {
  for (const { ref } of refsIn(reader, digest)) if (is(ref)) return true
  return false
}

export const pinnersIn = (reader: Reader, digest: Digest): Owner[] =>
  [...refsIn(reader, digest)].flatMap(({ number, ref }) =>
    ref.pinned ? [ownerOfNumber(reader, number)] : [],
  )

export const isPinnedIn = (reader: Reader, digest: Digest): boolean =>
  someRef(reader, digest, ({ pinned }) => pinned)
