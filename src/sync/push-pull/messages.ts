import { ByteReader, ByteWriter } from '../../util/index.ts'
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, MAX_FRAME_RECORDS } from '../limits.ts'
import { MAX_INDEX_PAGE_IDS, MAX_NAME_BYTES, MAX_REQUEST_RECORDS } from '../limits.ts'
import { checkAscending, malformed, readCollection, readDigest, readItem } from '../wire.ts'
import { readName, unknownType, writeCollection, writeDigest, writeItem } from '../wire.ts'
import type { Digest } from '../../util/index.ts'
import type { WireItem } from '../wire.ts'

export type PushPullMessage =
  /** Begins a round: what the sender believes to be the state of both. */
  | { readonly type: 'round'; readonly collection: string; readonly state: Digest }
  | { readonly type: 'equal' }
  /** The answerer's list of names, and the beginner's as the answerer knows it (`none`: not). */
  | { readonly type: 'differs'; readonly names: Digest; readonly yourNames: Digest | 'none' }
  /** The beginner's list; answered by `done` if the list is known, else by `get-names`. */
  | { readonly type: 'offer-names'; readonly names: Digest }
  | { readonly type: 'get-names' }
  /** In answer to `get-names`, from either side. */
  | { readonly type: 'names'; readonly last: boolean; readonly names: readonly string[] }
  | { readonly type: 'get-index' }
  | { readonly type: 'index'; readonly last: boolean; readonly ids: readonly Digest[] }
  | { readonly type: 'get-items'; readonly ids: readonly Digest[] }
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
  'get-index',
  'index',
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
      break
    case 'offer-names':
      writeDigest(writer, message.names)
      break
    case 'names':
      writeFlag(writer, message.last).list(message.names, (_, name) => writer.text(name))
      break
    case 'index':
      writeFlag(writer, message.last).list(message.ids, writeDigest)
      break
    case 'get-items':
      writer.list(message.ids, writeDigest)
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

const readIds = (reader: ByteReader, max: number): Digest[] => {
  const ids = reader.list(max, readDigest)
  checkAscending(ids, 'ids')
  return ids
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
      return { type, names, yourNames: yourNames === NO_NAMES ? 'none' : yourNames }
    }
    case 'offer-names':
      return { type, names: readDigest(reader) }
    case 'names': {
      const last = readFlag(reader)
      return { type, last, names: readNames(reader) }
    }
    case 'index': {
      const last = readFlag(reader)
      return { type, last, ids: readIds(reader, MAX_INDEX_PAGE_IDS) }
    }
    case 'get-items':
      return { type, ids: readIds(reader, MAX_REQUEST_RECORDS) }
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
