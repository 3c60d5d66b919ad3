import { isMeshError, MeshError } from '../errors/index.ts'
import { table } from '../store/index.ts'
import { ByteReader, ByteWriter, concatBytes, digestFromBytes } from '../util/index.ts'
import { digestToBytes, fromUtf8, utf8 } from '../util/index.ts'
import { MAX_OWNER_BYTES } from './limits.ts'
import { isOwner } from './owner.ts'
import type { Range } from '../store/index.ts'
import type { Digest } from '../util/index.ts'
import type { Owner, SignedContent } from './types.ts'

/* Keys and values of the tables, byte by byte as in docs/protocols/blocks.md. */

/** digest → where in the store the block lies. */
export const storedTable = table('blocks-stored')
/** digest → the bytes of a small block. */
export const inlineTable = table('blocks-inline')
/** digest → since when and why nobody keeps the stored block. */
export const looseTable = table('blocks-loose')
/** digest, owner's number → how the owner keeps it. */
export const refTable = table('blocks-refs')
/** owner's number, digest → nothing: the same the other way round. */
export const ownedTable = table('blocks-owned')
/** owner → what it keeps. */
export const ownerTable = table('blocks-owners')
/** owner's number → owner. */
export const ownerNumberTable = table('blocks-owner-numbers')
/** digest, owner's number (0: in the store itself) → what was lost. */
export const damageTable = table('blocks-damaged')
/** digest of a block list, of a content, its size → nothing: the blocks of the one do not make the other. */
export const misfitTable = table('blocks-misfits')
/** One row each: the totals, where scrub is. */
export const metaTable = table('blocks-meta')

export const TOTALS_KEY = utf8('totals')
export const SCRUB_KEY = utf8('scrub')
/** Value of a row that is only there. */
export const THERE = Uint8Array.of(1)

const FORMAT_VERSION = 1
const DIGEST_BYTES = 32
const NUMBER_BYTES = 8

/** Where in the store a block lies. */
export interface Stored {
  readonly place: 'inline' | 'file'
  readonly sizeBytes: number
}

/** A stored block that no owner keeps. */
export interface Loose {
  /** `cache`: stays while there is room. `unreferenced`: goes, after a delay. */
  readonly why: 'cache' | 'unreferenced'
  /** Wall clock, ms since the epoch. */
  readonly sinceMs: number
}

/** How an owner keeps a block: pinned in the store, served out of its own file, or both. */
export interface Ref {
  readonly pinned: boolean
  readonly served?: {
    readonly offset: number
    readonly sizeBytes: number
    readonly damaged: boolean
  }
}

/**
 * `pins`: only blocks in the store. `adding` and `going`: what a crash interrupted is finished by the
 * next start.
 */
export type OwnerState = 'pins' | 'adding' | 'content' | 'assembling' | 'going'

export interface OwnerRow {
  readonly number: number
  readonly state: OwnerState
  /** Of the block list of the content or the assembly. */
  readonly list?: Digest
  /** Digest of the whole content. */
  readonly content?: Digest
  readonly sizeBytes: number
  readonly blocks: number
  /** Wall clock when the state began, ms since the epoch. */
  readonly atMs: number
}

/** A block that was found to be wrong and is not replaced yet. */
export interface DamageRow {
  readonly sizeBytes: number
  readonly atMs: number
}

/** What is counted in every transaction that changes it. */
export interface Totals {
  /** The number that the next owner gets. */
  readonly nextOwner: number
  readonly storedBlocks: number
  readonly storedBytes: number
  readonly contents: number
  readonly contentBlocks: number
  readonly contentBytes: number
}

export const NO_TOTALS: Totals = {
  nextOwner: 1,
  storedBlocks: 0,
  storedBytes: 0,
  contents: 0,
  contentBlocks: 0,
  contentBytes: 0,
}

/** How far scrub has come. */
export interface ScrubRow {
  readonly stage: 'idle' | 'stored' | 'contents'
  /** Wall clock, ms since the epoch; 0: never. */
  readonly begunAtMs: number
  readonly endedAtMs: number
  readonly checkedBlocks: number
  readonly checkedBytes: number
  readonly damagedBlocks: number
  /** Key behind which it goes on: a digest, or an owner. */
  readonly cursor: Uint8Array
}

export const NO_SCRUB: ScrubRow = {
  stage: 'idle',
  begunAtMs: 0,
  endedAtMs: 0,
  checkedBlocks: 0,
  checkedBytes: 0,
  damagedBlocks: 0,
  cursor: new Uint8Array(),
}

const corrupt = (what: string, why: string, cause?: unknown): MeshError =>
  new MeshError('ERR_STATE_CORRUPT', `a stored ${what} of the blocks is damaged: ${why}`, { cause })

/** Reads a row of ours to its end, and calls whatever does not fit damage. */
const reading = <T>(what: string, bytes: Uint8Array, read: (reader: ByteReader) => T): T => {
  try {
    const reader = new ByteReader(bytes)
    const version = reader.u8()
    if (version !== FORMAT_VERSION) throw corrupt(what, `format version ${version}`)
    const value = read(reader)
    reader.end()
    return value
  } catch (error) {
    if (!isMeshError(error)) throw error
    throw error.code === 'ERR_STATE_CORRUPT' ? error : corrupt(what, error.message, error)
  }
}

const pick = <T>(what: string, choices: readonly T[], index: number): T => {
  const choice = choices[index]
  if (choice === undefined) throw corrupt(what, `${index} where at most ${choices.length - 1} is`)
  return choice
}

const writer = (): ByteWriter => new ByteWriter(128).u8(FORMAT_VERSION)

export const digestKey = (digest: Digest): Uint8Array => digestToBytes(digest)

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const readDigestKey = (key: Uint8Array): Digest => {
  if (key.length !== DIGEST_BYTES) throw corrupt('key', `${key.length} bytes`)
  return digestFromBytes(key)
}

/** Sorts by number. */
export const numberKey = (number: number): Uint8Array => {
  const bytes = Buffer.alloc(NUMBER_BYTES)
  bytes.writeBigUInt64BE(BigInt(number))
  return bytes
}

const readNumber = (bytes: Uint8Array): number => {
  const value = Buffer.from(bytes).readBigUInt64BE()
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt('key', `${value} is above 2^53 - 1`)
  return Number(value)
}

export const refKey = (digest: Digest, number: number): Uint8Array =>
  concatBytes(digestToBytes(digest), numberKey(number))

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const readRefKey = (key: Uint8Array): { digest: Digest; number: number } => {
  if (key.length !== DIGEST_BYTES + NUMBER_BYTES) throw corrupt('key', `${key.length} bytes`)
  return {
    digest: digestFromBytes(key.subarray(0, DIGEST_BYTES)),
    number: readNumber(key.subarray(DIGEST_BYTES)),
  }
}

export const ownedKey = (number: number, digest: Digest): Uint8Array =>
  concatBytes(numberKey(number), digestToBytes(digest))

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const readOwnedKey = (key: Uint8Array): { digest: Digest; number: number } => {
  if (key.length !== DIGEST_BYTES + NUMBER_BYTES) throw corrupt('key', `${key.length} bytes`)
  return {
    number: readNumber(key.subarray(0, NUMBER_BYTES)),
    digest: digestFromBytes(key.subarray(NUMBER_BYTES)),
  }
}

/** Everything whose key begins with `prefix`. */
export const rangeOf = (prefix: Uint8Array): Range => {
  const end = Buffer.from(prefix)
  let at = end.length - 1
  while (end[at] === 255) at--
  if (at < 0) return { start: prefix }
  end.writeUInt8((end[at] ?? 0) + 1, at)
  return { start: prefix, end: end.subarray(0, at + 1) }
}

const PLACES = ['inline', 'file'] as const
const REASONS = ['cache', 'unreferenced'] as const
const STATES = ['pins', 'adding', 'content', 'assembling', 'going'] as const
const STAGES = ['idle', 'stored', 'contents'] as const

export const encodeStored = ({ place, sizeBytes }: Stored): Uint8Array =>
  writer().u8(PLACES.indexOf(place)).u32(sizeBytes).finish()

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodeStored = (bytes: Uint8Array): Stored =>
  reading('block', bytes, (reader) => ({
    place: pick('block', PLACES, reader.u8()),
    sizeBytes: reader.u32(),
  }))

export const encodeLoose = ({ why, sinceMs }: Loose): Uint8Array =>
  writer().u8(REASONS.indexOf(why)).u53(sinceMs).finish()

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodeLoose = (bytes: Uint8Array): Loose =>
  reading('unkept block', bytes, (reader) => ({
    why: pick('unkept block', REASONS, reader.u8()),
    sinceMs: reader.u53(),
  }))

const PINNED = 1
const SERVED = 2
const DAMAGED = 4

export const encodeRef = ({ pinned, served }: Ref): Uint8Array => {
  const flags = served === undefined ? 0 : SERVED | (served.damaged ? DAMAGED : 0)
  const begun = writer().u8(flags | (pinned ? PINNED : 0))
  return (served === undefined ? begun : begun.u53(served.offset).u32(served.sizeBytes)).finish()
}

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodeRef = (bytes: Uint8Array): Ref =>
  reading('reference', bytes, (reader) => {
    const flags = reader.u8()
    const pinned = (flags & PINNED) !== 0
    const damaged = (flags & DAMAGED) !== 0
    const known = flags <= (PINNED | SERVED | DAMAGED) && flags !== 0
    const isServed = (flags & SERVED) !== 0
    if (!known || (damaged && !isServed)) throw corrupt('reference', `flags ${flags}`)
    if (!isServed) return { pinned }
    return { pinned, served: { offset: reader.u53(), sizeBytes: reader.u32(), damaged } }
  })

const writeDigest = (to: ByteWriter, digest: Digest | undefined): ByteWriter =>
  digest === undefined ? to.u8(0) : to.u8(1).fixed(digestToBytes(digest))

const readDigest = (what: string, reader: ByteReader): Digest | undefined =>
  pick(what, [false, true], reader.u8()) ? digestFromBytes(reader.fixed(DIGEST_BYTES)) : undefined

export const encodeOwnerRow = (row: OwnerRow): Uint8Array => {
  const begun = writer().u53(row.number).u8(STATES.indexOf(row.state))
  return writeDigest(writeDigest(begun, row.list), row.content)
    .u53(row.sizeBytes)
    .u32(row.blocks)
    .u53(row.atMs)
    .finish()
}

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodeOwnerRow = (bytes: Uint8Array): OwnerRow =>
  reading('owner', bytes, (reader) => {
    const number = reader.u53()
    const state = pick('owner', STATES, reader.u8())
    const list = readDigest('owner', reader)
    const content = readDigest('owner', reader)
    return {
      ...{ number, state, sizeBytes: reader.u53(), blocks: reader.u32(), atMs: reader.u53() },
      ...(list === undefined ? {} : { list }),
      ...(content === undefined ? {} : { content }),
    }
  })

/** With the size: one that was signed wrongly must say nothing of the same content signed rightly. */
export const misfitKey = ({ list, digest, sizeBytes }: SignedContent): Uint8Array =>
  concatBytes(digestToBytes(list), digestToBytes(digest), numberKey(sizeBytes))

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const readOwner = (bytes: Uint8Array): Owner => {
  const text = bytes.length > MAX_OWNER_BYTES ? '' : (fromUtf8(bytes) ?? '')
  if (!isOwner(text)) throw corrupt('owner', 'it is no text of an owner')
  return text
}

export const encodeDamageRow = ({ sizeBytes, atMs }: DamageRow): Uint8Array =>
  writer().u32(sizeBytes).u53(atMs).finish()

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodeDamageRow = (bytes: Uint8Array): DamageRow =>
  reading('damage', bytes, (reader) => ({ sizeBytes: reader.u32(), atMs: reader.u53() }))

export const encodeTotals = (totals: Totals): Uint8Array =>
  writer()
    .u53(totals.nextOwner)
    .u53(totals.storedBlocks)
    .u53(totals.storedBytes)
    .u53(totals.contents)
    .u53(totals.contentBlocks)
    .u53(totals.contentBytes)
    .finish()

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodeTotals = (bytes: Uint8Array): Totals =>
  reading('count', bytes, (reader) => ({
    nextOwner: reader.u53(),
    storedBlocks: reader.u53(),
    storedBytes: reader.u53(),
    contents: reader.u53(),
    contentBlocks: reader.u53(),
    contentBytes: reader.u53(),
  }))

export const encodeScrub = (row: ScrubRow): Uint8Array =>
  writer()
    .u8(STAGES.indexOf(row.stage))
    .u53(row.begunAtMs)
    .u53(row.endedAtMs)
    .u53(row.checkedBlocks)
    .u53(row.checkedBytes)
    .u53(row.damagedBlocks)
    .bytes(row.cursor)
    .finish()

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodeScrub = (bytes: Uint8Array): ScrubRow =>
  reading('scrub', bytes, (reader) => ({
    stage: pick('scrub', STAGES, reader.u8()),
    begunAtMs: reader.u53(),
    endedAtMs: reader.u53(),
    checkedBlocks: reader.u53(),
    checkedBytes: reader.u53(),
    damagedBlocks: reader.u53(),
    cursor: Uint8Array.from(reader.bytes(MAX_OWNER_BYTES)),
  }))
