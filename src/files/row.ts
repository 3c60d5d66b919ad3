import { isMeshError, MeshError } from '../errors/index.ts'
import {
  decodeSignedStatement,
  encodeSignedStatement,
  MAX_SIGNED_STATEMENT_BYTES,
} from '../statement/index.ts'
import { ByteReader, ByteWriter, digestFromBytes, digestToBytes } from '../util/index.ts'
import { MAX_FINGERPRINT_BYTES, MAX_RECORDS_PER_NAME } from './limits.ts'
import type { SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { FileState } from './types.ts'

/** What lies at `files/<name>`, by the statement that says so. */
export interface Shown {
  readonly signed: SignedStatement
  /** Of the file when it was last known to be right. */
  readonly fingerprint: string
  readonly mode: number
  /** Wall clock when it was shown, ms since the epoch. */
  readonly atMs: number
}

/** A moment at which the name has to be looked at, and whether it was over at the last look. */
export interface Wake {
  readonly atMs: number
  readonly over: boolean
}

/** What this node has made of one name: the state of its publication. Everything else is derived. */
export interface Row {
  readonly state: FileState
  /** The statements changed and the publication of that is not finished. */
  readonly pending: boolean
  /** A statement above the winner is set aside, or allowed signers disagree. */
  readonly remarkable: boolean
  /** Digest of the rule that this was made under; `undefined`: the name is not configured. */
  readonly rule: Digest | undefined
  /** Ids in the index. */
  readonly records: readonly Digest[]
  readonly wakes: readonly Wake[]
  readonly shown?: Shown
  /** Something was shown at some time, so that the fallback has done its work. */
  readonly delivered: boolean
  /** The fallback lies at `files/<name>`, as a file of this fingerprint. */
  readonly fallback?: string
  /** When older content goes, ms since the epoch: after a tombstone, or without a rule. */
  readonly purgeAtMs?: number
  /** What lies at `statements/<name>`. */
  readonly statement?: { readonly record: Digest; readonly fingerprint: string }
}

export const EMPTY_ROW: Row = {
  state: 'none',
  pending: false,
  remarkable: false,
  delivered: false,
  rule: undefined,
  records: [],
  wakes: [],
}

const FORMAT_VERSION = 1
const DIGEST_BYTES = 32
const MAX_WAKES = 3
const STATES: readonly FileState[] = [
  'none',
  'shown',
  'missing',
  'too-large',
  'deleted',
  'expired',
  'too-old',
]
const PENDING = 1
const REMARKABLE = 2
const DELIVERED = 4
/** Milliseconds from the year 0, the first that a statement can name, to 1970. */
export const YEAR_ZERO_MS = 62_167_219_200_000

const writeOptional = <T>(
  writer: ByteWriter,
  value: T | undefined,
  write: (value: T) => void,
): void => {
  writer.u8(value === undefined ? 0 : 1)
  if (value !== undefined) write(value)
}

export const encodeRow = (row: Row): Uint8Array => {
  const writer = new ByteWriter(1024)
    .u8(FORMAT_VERSION)
    .u8(STATES.indexOf(row.state))
    .u8(
      (row.pending ? PENDING : 0) |
        (row.remarkable ? REMARKABLE : 0) |
        (row.delivered ? DELIVERED : 0),
    )
  writeOptional(writer, row.rule, (rule) => writer.fixed(digestToBytes(rule)))
  writer
    .list(row.records, (each, id) => each.fixed(digestToBytes(id)))
    .list(row.wakes, (each, { atMs, over }) => each.u8(over ? 1 : 0).u53(atMs + YEAR_ZERO_MS))
  writeOptional(writer, row.shown, ({ signed, fingerprint, mode, atMs }) => {
    writer
      .bytes(encodeSignedStatement(signed))
      .text(fingerprint)
      .u16(mode)
      .u53(atMs + YEAR_ZERO_MS)
  })
  writeOptional(writer, row.statement, ({ record, fingerprint }) => {
    writer.fixed(digestToBytes(record)).text(fingerprint)
  })
  writeOptional(writer, row.fallback, (fingerprint) => writer.text(fingerprint))
  writeOptional(writer, row.purgeAtMs, (atMs) => writer.u53(atMs + YEAR_ZERO_MS))
  return writer.finish()
}

const corrupt = (why: string): MeshError =>
  new MeshError('ERR_STATE_CORRUPT', `a stored row of a name is damaged: ${why}`)

const readFlag = (reader: ByteReader): boolean => {
  const flag = reader.u8()
  if (flag > 1) throw corrupt(`${flag} where 0 or 1 must be`)
  return flag === 1
}

const readDigest = (reader: ByteReader): Digest => digestFromBytes(reader.fixed(DIGEST_BYTES))

const readShown = (reader: ByteReader): Shown => ({
  signed: decodeSignedStatement(reader.bytes(MAX_SIGNED_STATEMENT_BYTES)),
  fingerprint: reader.text(MAX_FINGERPRINT_BYTES),
  mode: reader.u16(),
  atMs: reader.u53() - YEAR_ZERO_MS,
})

const read = (bytes: Uint8Array): Row => {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version !== FORMAT_VERSION) throw corrupt(`format version ${version}`)
  const state = STATES[reader.u8()]
  if (state === undefined) throw corrupt('unknown state')
  const flags = reader.u8()
  if (flags > (PENDING | REMARKABLE | DELIVERED)) throw corrupt('unknown flags')
  const rule = readFlag(reader) ? readDigest(reader) : undefined
  const records = reader.list(MAX_RECORDS_PER_NAME, readDigest)
  const wakes = reader.list(MAX_WAKES, (each) => ({
    over: readFlag(each),
    atMs: each.u53() - YEAR_ZERO_MS,
  }))
  const shown = readFlag(reader) ? readShown(reader) : undefined
  const statement = readFlag(reader)
    ? { record: readDigest(reader), fingerprint: reader.text(MAX_FINGERPRINT_BYTES) }
    : undefined
  const fallback = readFlag(reader) ? reader.text(MAX_FINGERPRINT_BYTES) : undefined
  const purgeAtMs = readFlag(reader) ? reader.u53() - YEAR_ZERO_MS : undefined
  reader.end()
  return {
    state,
    pending: (flags & PENDING) !== 0,
    remarkable: (flags & REMARKABLE) !== 0,
    delivered: (flags & DELIVERED) !== 0,
    rule,
    records,
    wakes,
    ...(shown === undefined ? {} : { shown }),
    ...(statement === undefined ? {} : { statement }),
    ...(fallback === undefined ? {} : { fallback }),
    ...(purgeAtMs === undefined ? {} : { purgeAtMs }),
  }
}

/**
 * Reads {@link encodeRow}'s bytes.
 *
 * @throws MeshError `ERR_STATE_CORRUPT`
 */
export const decodeRow = (bytes: Uint8Array): Row => {
  try {
    return read(bytes)
  } catch (error) {
    if (!isMeshError(error) || error.code === 'ERR_STATE_CORRUPT') throw error
    throw new MeshError('ERR_STATE_CORRUPT', error.message, { cause: error })
  }
}
