import { isMeshError, MeshError } from '../errors/index.ts'
import { decodeSignedStatement, encodeSignedStatement, parseFileName } from '../statement/index.ts'
import { table } from '../store/index.ts'
import { concatBytes, digestFromBytes, digestToBytes } from '../util/index.ts'
import { fromUtf8, utf8 } from '../util/index.ts'
import { YEAR_ZERO_MS } from './row.ts'
import type { FileName, SignedStatement } from '../statement/index.ts'
import type { Range } from '../store/index.ts'
import type { Digest } from '../util/index.ts'
import type { Kept } from './kept.ts'
import type { Wake } from './row.ts'

/* Keys and values of the six tables, byte by byte as in docs/protocols/store.md. */

/** name, 0, slot → the greatest statement of that set of signers. */
export const keptTable = table('files-kept')
/** name, 0, version, time, statement id → signed statement. */
export const historyTable = table('files-history')
/** record id → name and statement id. */
export const indexTable = table('files-index')
/** prefix of record ids → hashes of what begins with it; see src/tree. */
export const treeTable = table('files-tree')
/** name → row. */
export const rowTable = table('files-names')
/** over or not, time, name → nothing. */
export const wakeTable = table('files-wakes')

const FORMAT_VERSION = 1
const DIGEST_BYTES = 32
const TIME_BYTES = 8
/** No name contains it, so it ends a name within a key. */
const END_OF_NAME = Uint8Array.of(0)
const AFTER_NAME = Uint8Array.of(1)

const corrupt = (what: string, why: string, cause?: unknown): MeshError =>
  new MeshError('ERR_STATE_CORRUPT', `a stored ${what} is damaged: ${why}`, { cause })

/** Runs a decoder and calls whatever it does not like damage. */
const reading = <T>(what: string, read: () => T): T => {
  try {
    return read()
  } catch (error) {
    if (!isMeshError(error) && !(error instanceof RangeError)) throw error
    throw corrupt(what, error.message, error)
  }
}

const u64 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(TIME_BYTES)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

const nameOf = (bytes: Uint8Array): FileName => parseFileName(fromUtf8(bytes) ?? '')

export const nameKey = (name: FileName): Uint8Array => utf8(name)

export const readNameKey = (key: Uint8Array): FileName => reading('name', () => nameOf(key))

/** All keys that begin with this name, in the tables whose keys do. */
export const rangeOfName = (name: FileName): Range => ({
  start: concatBytes(utf8(name), END_OF_NAME),
  end: concatBytes(utf8(name), AFTER_NAME),
})

export const keptKey = (name: FileName, slot: Digest): Uint8Array =>
  concatBytes(utf8(name), END_OF_NAME, digestToBytes(slot))

/** The name of a key of `files-kept` or `files-history`. */
export const nameOfKey = (key: Uint8Array): FileName =>
  reading('key', () => nameOf(key.subarray(0, Math.max(0, key.indexOf(0)))))

export const encodeKept = ({ signed }: Kept): Uint8Array => encodeSignedStatement(signed)

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodeKept = (key: Uint8Array, value: Uint8Array): Kept =>
  reading('statement', () => {
    const slot = digestFromBytes(key.subarray(-DIGEST_BYTES))
    const signed = decodeSignedStatement(value)
    if (signed.statement.name !== nameOfKey(key)) throw corrupt('statement', 'it is another name')
    return { slot, signed }
  })

/** Sorts within a name like the statements themselves. */
export const historyKey = ({ statement, id }: SignedStatement): Uint8Array =>
  concatBytes(
    utf8(statement.name),
    END_OF_NAME,
    u64(statement.version),
    u64(statement.time + YEAR_ZERO_MS),
    digestToBytes(id),
  )

/** Where a record is found. */
export interface Place {
  readonly name: FileName
  readonly statement: Digest
}

export const encodePlace = ({ name, statement }: Place): Uint8Array =>
  concatBytes(Uint8Array.of(FORMAT_VERSION), digestToBytes(statement), utf8(name))

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodePlace = (value: Uint8Array): Place =>
  reading('index entry', () => {
    if (value[0] !== FORMAT_VERSION) throw corrupt('index entry', `format version ${value[0]}`)
    const name = nameOf(value.subarray(1 + DIGEST_BYTES))
    return { name, statement: digestFromBytes(value.subarray(1, 1 + DIGEST_BYTES)) }
  })

export const wakeKey = ({ over, atMs }: Wake, name: FileName): Uint8Array =>
  concatBytes(Uint8Array.of(over ? 1 : 0), u64(atMs + YEAR_ZERO_MS), utf8(name))

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const readWakeKey = (key: Uint8Array): { atMs: number; name: FileName } =>
  reading('wake', () => {
    const [over = 2] = key
    if (over > 1) throw corrupt('wake', `${over} where 0 or 1 must be`)
    const sinceYearZeroMs = Number(Buffer.from(key).readBigUInt64BE(1))
    if (!Number.isSafeInteger(sinceYearZeroMs)) throw corrupt('wake', 'a time that nobody can set')
    return {
      atMs: sinceYearZeroMs - YEAR_ZERO_MS,
      name: nameOf(key.subarray(1 + TIME_BYTES)),
    }
  })

/** Wakes that are not over and due at `nowMs`, or over and due later than that. */
export const wakesAround = (nowMs: number): { due: Range; undone: Range } => {
  const after = u64(Math.max(0, nowMs + YEAR_ZERO_MS + 1))
  return {
    due: { start: Uint8Array.of(0), end: concatBytes(Uint8Array.of(0), after) },
    undone: { start: concatBytes(Uint8Array.of(1), after), end: Uint8Array.of(2) },
  }
}

/** Wakes that are still to come, the next first. */
export const wakesToCome: Range = { start: Uint8Array.of(0), end: Uint8Array.of(1) }
