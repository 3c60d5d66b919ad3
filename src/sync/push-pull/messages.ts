import { ByteReader, ByteWriter, toHex } from '../../util/index.ts'
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, MAX_FRAME_RECORDS } from '../limits.ts'
import { MAX_LIST_IDS, MAX_NAME_BYTES, MAX_PREFIX_DIGITS } from '../limits.ts'
import { MAX_REQUEST_GROUPS, MAX_REQUEST_RANGES, MAX_REQUEST_SHORTS } from '../limits.ts'
import { malformed, readCollection, readDigest, readItem } from '../wire.ts'
import { readName, unknownType, writeCollection, writeDigest, writeItem } from '../wire.ts'
import { SALT_BYTES, SHORT_BYTES } from './ranges.ts'
import type { Digest } from '../../util/index.ts'
import type { WireItem } from '../wire.ts'
import type { Part, Short } from './ranges.ts'
import type { Rival } from './rivals.ts'

/** Records out of one range that are asked for, and what the asking side keeps in it. */
export interface WantedGroup {
  readonly prefix: string
  readonly shorts: readonly Short[]
  readonly rivals: readonly Rival[]
}

export type PushPullMessage =
  /** Begins a round: what the sender believes to be the state of both. */
  | { readonly type: 'round'; readonly collection: string; readonly state: Digest }
  | { readonly type: 'equal' }
  /** The answerer's names, the beginner's as the answerer knows it (`none`: not), and its root. */
  | {
      readonly type: 'differs'
      readonly names: Digest
      readonly yourNames: Digest | 'none'
      readonly root: Digest
    }
  /** The beginner's list; answered by `done` if the list is known, else by `get-names`. */
  | { readonly type: 'offer-names'; readonly names: Digest }
  | { readonly type: 'get-names' }
  /** In answer to `get-names`, from either side. */
  | { readonly type: 'names'; readonly last: boolean; readonly names: readonly string[] }
  /** Answered by `ranges`, one for each prefix. */
  | {
      readonly type: 'get-ranges'
      readonly salt: Uint8Array
      readonly maxListIds: number
      readonly prefixes: readonly string[]
    }
  | { readonly type: 'ranges'; readonly parts: readonly Part[] }
  | {
      readonly type: 'get-items'
      readonly salt: Uint8Array
      readonly groups: readonly WantedGroup[]
    }
  | { readonly type: 'items'; readonly last: boolean; readonly items: readonly WireItem[] }
  /** Answered by `taken`. */
  | { readonly type: 'put-items'; readonly items: readonly WireItem[] }
  /** Positions of those items that the answerer does not keep, in order. */
  | { readonly type: 'taken'; readonly notKept: readonly number[] }
  | { readonly type: 'done' }

const TYPES = [
  'round',
  'equal',
  'differs',
  'offer-names',
  'get-names',
  'names',
  'get-ranges',
  'ranges',
  'get-items',
  'items',
  'put-items',
  'taken',
  'done',
] as const satisfies readonly PushPullMessage['type'][]

/** Stands for a list of names that is not known; no list has this digest. */
const NO_NAMES = '0'.repeat(64) as Digest

/** Names that fit into one frame, whatever their length. */
export const MAX_PAGE_NAMES_BYTES = MAX_FRAME_BYTES - FRAME_HEADER_BYTES - 4 - MAX_NAME_BYTES

const writeFlag = (writer: ByteWriter, flag: boolean): ByteWriter => writer.u8(flag ? 1 : 0)

const readFlag = (reader: ByteReader): boolean => {
  const value = reader.u8()
  if (value > 1) throw malformed(`a flag of ${value}`)
  return value === 1
}

export const encodePushPull = (message: PushPullMessage): Uint8Array => {
  const writer = new ByteWriter(FRAME_HEADER_BYTES).u8(TYPES.indexOf(message.type) + 1)
  switch (message.type) {
    case 'round':
      writeCollection(writer, message.collection)
      writeDigest(writer, message.state)
      break
    case 'differs':
      writeDigest(writer, message.names)
      writeDigest(writer, message.yourNames === 'none' ? NO_NAMES : message.yourNames)
      writeDigest(writer, message.root)
      break
    case 'offer-names':
      writeDigest(writer, message.names)
      break
    case 'names':
      writeFlag(writer, message.last).list(message.names, (_, name) => writer.text(name))
      break
    case 'get-ranges':
      writer.fixed(message.salt).u8(message.maxListIds).u16(message.prefixes.length)
      for (const prefix of message.prefixes) writePrefix(writer, prefix)
      break
    case 'ranges':
      writer.u16(message.parts.length)
      for (const part of message.parts) writePart(writer, part)
      break
    case 'get-items':
      writer.fixed(message.salt).u16(message.groups.length)
      for (const { prefix, shorts, rivals } of message.groups) {
        writePrefix(writer, prefix)
        writeShorts(writer, shorts)
        writer.u8(rivals.length)
        for (const { mark, rank } of rivals) writer.u16(mark).u32(rank)
      }
      break
    case 'items':
      writeFlag(writer, message.last).list(message.items, writeItem)
      break
    case 'put-items':
      writer.list(message.items, writeItem)
      break
    case 'taken':
      writer.list(message.notKept, (_, position) => writer.u16(position))
      break
    default:
  }
  return writer.finish()
}

const SPLIT = 255

/** How many digits, and then the digits; half a byte that is left over is 0. */
const writePrefix = (writer: ByteWriter, prefix: string): void => {
  const even = prefix.length % 2 === 0 ? prefix : `${prefix}0`
  writer.u8(prefix.length).fixed(Buffer.from(even, 'hex'))
}

const readPrefix = (reader: ByteReader): string => {
  const digits = reader.u8()
  if (digits > MAX_PREFIX_DIGITS) throw malformed(`a prefix of ${digits} digits`)
  const text = toHex(reader.fixed((digits + 1) >> 1))
  if (digits % 2 === 1 && !text.endsWith('0')) throw malformed('half a byte left over')
  return text.slice(0, digits)
}

const writeShort = (writer: ByteWriter, short: number): void => {
  const bytes = Buffer.alloc(SHORT_BYTES)
  bytes.writeUIntBE(short, 0, SHORT_BYTES)
  writer.fixed(bytes)
}

const readShort = (reader: ByteReader): number => {
  const bytes = reader.fixed(SHORT_BYTES)
  return Buffer.from(bytes.buffer, bytes.byteOffset, SHORT_BYTES).readUIntBE(0, SHORT_BYTES)
}

const writeShorts = (writer: ByteWriter, shorts: readonly number[]): void => {
  writer.u8(shorts.length)
  for (const short of shorts) writeShort(writer, short)
}

const readShorts = (reader: ByteReader, count: number): number[] => {
  const shorts: number[] = []
  for (let index = 0; index < count; index++) shorts.push(readShort(reader))
  return shorts
}

const writePart = (writer: ByteWriter, part: Part): void => {
  if (part.kind === 'list') {
    writeShorts(writer, part.shorts)
    return
  }
  let present = 0
  for (const [digit, short] of part.parts.entries()) if (short !== null) present |= 1 << digit
  writer.u8(SPLIT).u16(present)
  for (const short of part.parts) if (short !== null) writeShort(writer, short)
}

const readPart = (reader: ByteReader): Part => {
  const first = reader.u8()
  if (first !== SPLIT) return { kind: 'list', shorts: readShorts(reader, first) }
  const present = reader.u16()
  const parts = Array.from({ length: 16 }, (_, digit) =>
    (present & (1 << digit)) === 0 ? null : readShort(reader),
  )
  return { kind: 'split', parts }
}

const readMany = <T>(reader: ByteReader, max: number, item: (reader: ByteReader) => T): T[] => {
  const count = reader.u16()
  if (count > max) throw malformed(`${count} ranges where at most ${max} may be`)
  const items: T[] = []
  for (let index = 0; index < count; index++) items.push(item(reader))
  return items
}

/** So many that the answer fits into one frame, whatever it is. */
export const maxRangesOf = (maxListIds: number): number =>
  Math.min(MAX_REQUEST_RANGES, Math.floor(MAX_REQUEST_SHORTS / Math.max(16, maxListIds)))

/** A list longer than this is asked for in two requests. */
const readMaxListIds = (reader: ByteReader): number => {
  const maxListIds = reader.u8()
  if (maxListIds > MAX_LIST_IDS) throw malformed(`a list of ${maxListIds} ids`)
  return maxListIds
}

const readSalt = (reader: ByteReader): Uint8Array => Uint8Array.from(reader.fixed(SALT_BYTES))

const readRivals = (reader: ByteReader): Rival[] => {
  const count = reader.u8()
  if (count > MAX_LIST_IDS) throw malformed(`${count} rivals`)
  return Array.from({ length: count }, () => {
    const mark = reader.u16()
    return { mark, rank: reader.u32() }
  })
}

const readGroup = (reader: ByteReader): WantedGroup => {
  const prefix = readPrefix(reader)
  const count = reader.u8()
  if (count === 0 || count > MAX_LIST_IDS) throw malformed(`a group of ${count} ids`)
  const shorts = readShorts(reader, count)
  return { prefix, shorts, rivals: readRivals(reader) }
}

const readNames = (reader: ByteReader): string[] =>
  reader.list(MAX_PAGE_NAMES_BYTES, (from) => readName(from))

const readTaken = (reader: ByteReader): number[] => {
  const positions = reader.list(MAX_FRAME_RECORDS, (from) => from.u16())
  for (const [index, position] of positions.entries()) {
    if (index > 0 && (positions[index - 1] ?? 0) >= position) {
      throw malformed('positions are not sorted')
    }
  }
  return positions
}

const readMessage = (reader: ByteReader): PushPullMessage => {
  const number = reader.u8()
  const type = TYPES[number - 1]
  switch (type) {
    case undefined:
      throw unknownType(number)
    case 'round': {
      const collection = readCollection(reader)
      return { type, collection, state: readDigest(reader) }
    }
    case 'differs': {
      const names = readDigest(reader)
      const yourNames = readDigest(reader)
      const root = readDigest(reader)
      return { type, names, yourNames: yourNames === NO_NAMES ? 'none' : yourNames, root }
    }
    case 'offer-names':
      return { type, names: readDigest(reader) }
    case 'names': {
      const last = readFlag(reader)
      return { type, last, names: readNames(reader) }
    }
    case 'get-ranges': {
      const salt = readSalt(reader)
      const maxListIds = readMaxListIds(reader)
      const prefixes = readMany(reader, maxRangesOf(maxListIds), readPrefix)
      return { type, salt, maxListIds, prefixes }
    }
    case 'ranges':
      return { type, parts: readMany(reader, MAX_REQUEST_RANGES, readPart) }
    case 'get-items': {
      const salt = readSalt(reader)
      return { type, salt, groups: readMany(reader, MAX_REQUEST_GROUPS, readGroup) }
    }
    case 'items': {
      const last = readFlag(reader)
      return { type, last, items: reader.list(MAX_FRAME_RECORDS, readItem) }
    }
    case 'put-items':
      return { type, items: reader.list(MAX_FRAME_RECORDS, readItem) }
    case 'taken':
      return { type, notKept: readTaken(reader) }
    default:
      return { type }
  }
}

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const decodePushPull = (frame: Uint8Array): PushPullMessage => {
  const reader = new ByteReader(frame)
  const message = readMessage(reader)
  reader.end()
  return message
}
