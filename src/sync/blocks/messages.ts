import { MAX_BLOCK_LIST_BYTES, MAX_BLOCKS, MAX_CHUNK_BYTES } from '../../chunk/index.ts'
import { ByteReader, ByteWriter, concatBytes } from '../../util/index.ts'
import { MAX_ASKED_INDEXES, MAX_BLOCK_PIECE_BYTES, MAX_GAINED_INDEXES } from '../limits.ts'
import { malformed, readCollection, readDigest, readName, unknownType } from '../wire.ts'
import { writeCollection, writeDigest } from '../wire.ts'
import { checkSpareBits } from './bitmap.ts'
import type { Digest } from '../../util/index.ts'

/** What the fetching side says. Each transfer has a number of its choice on this stream. */
export type BlockRequest =
  /** Names what blocks are asked of: who may read a name may read its blocks. */
  | {
      readonly type: 'open'
      readonly id: number
      readonly collection: string
      readonly name: string
      /** Of the whole content. */
      readonly digest: Digest
      /** Of its block list. */
      readonly list: Digest
    }
  | { readonly type: 'close'; readonly id: number }
  | { readonly type: 'ask-list'; readonly id: number }
  | {
      readonly type: 'ask'
      readonly id: number
      /** Nobody else is there to give it. */
      readonly insist: boolean
      readonly indexes: readonly number[]
    }
  | { readonly type: 'cancel'; readonly id: number; readonly indexes: readonly number[] }

/** What the holder says. */
export type BlockAnswer =
  /** It serves nothing of this, or not any more. */
  | { readonly type: 'none'; readonly id: number }
  | { readonly type: 'all'; readonly id: number }
  /** The answer to `close`: nothing more comes of it, not even what was asked for. */
  | { readonly type: 'closed'; readonly id: number }
  /** It has some of it; of no block, before it knows the list. */
  | {
      readonly type: 'some'
      readonly id: number
      /** Of the blocks of the content. */
      readonly count: number
      /** A bit for each block, the lowest first. */
      readonly have: Uint8Array
    }
  | { readonly type: 'gained'; readonly id: number; readonly indexes: readonly number[] }
  | ListPiece
  | BlockPiece
  | {
      readonly type: 'not'
      readonly id: number
      readonly index: number
      /** `elsewhere`: somebody else is being given it, and will have it soon. */
      readonly why: 'absent' | 'elsewhere'
    }

export interface ListPiece {
  readonly type: 'list'
  readonly id: number
  /** Of the whole encoded list. */
  readonly sizeBytes: number
  readonly offset: number
  readonly bytes: Uint8Array
}

export interface BlockPiece {
  readonly type: 'piece'
  readonly id: number
  readonly index: number
  readonly offset: number
  readonly bytes: Uint8Array
}

const OPEN = 1
const CLOSE = 2
const ASK_LIST = 3
const ASK = 4
const CANCEL = 5
const NONE = 16
const ALL = 17
const SOME = 18
const GAINED = 19
const LIST = 20
const PIECE = 21
const NOT = 22
const CLOSED = 23

const INSIST = 1
const REASONS = ['absent', 'elsewhere'] as const

const writeIndexes = (writer: ByteWriter, indexes: readonly number[]): ByteWriter =>
  writer.list(indexes, (each, index) => void each.u32(index))

/** Strictly ascending, so that nothing is asked or told twice. */
const readIndexes = (reader: ByteReader, max: number): number[] => {
  let last = -1
  const indexes = reader.list(max, (each) => {
    const index = each.u32()
    if (index <= last || index >= MAX_BLOCKS) throw malformed(`index ${index} behind ${last}`)
    last = index
    return index
  })
  if (indexes.length === 0) throw malformed('a list of no indexes')
  return indexes
}

export const encodeBlockRequest = (message: BlockRequest): Uint8Array => {
  switch (message.type) {
    case 'open': {
      const writer = new ByteWriter(128).u8(OPEN).u32(message.id)
      writeCollection(writer, message.collection)
      writeDigest(writer.text(message.name), message.digest)
      writeDigest(writer, message.list)
      return writer.finish()
    }
    case 'close':
      return new ByteWriter(8).u8(CLOSE).u32(message.id).finish()
    case 'ask-list':
      return new ByteWriter(8).u8(ASK_LIST).u32(message.id).finish()
    case 'ask': {
      const writer = new ByteWriter(64)
        .u8(ASK)
        .u32(message.id)
        .u8(message.insist ? INSIST : 0)
      return writeIndexes(writer, message.indexes).finish()
    }
    case 'cancel':
      return writeIndexes(new ByteWriter(64).u8(CANCEL).u32(message.id), message.indexes).finish()
  }
}

const readRequest = (reader: ByteReader): BlockRequest => {
  const type = reader.u8()
  const id = reader.u32()
  switch (type) {
    case OPEN:
      return {
        type: 'open',
        id,
        collection: readCollection(reader),
        name: readName(reader),
        digest: readDigest(reader),
        list: readDigest(reader),
      }
    case CLOSE:
      return { type: 'close', id }
    case ASK_LIST:
      return { type: 'ask-list', id }
    case ASK: {
      const flags = reader.u8()
      if (flags > INSIST) throw malformed(`unknown flags ${flags}`)
      return {
        type: 'ask',
        id,
        insist: flags === INSIST,
        indexes: readIndexes(reader, MAX_ASKED_INDEXES),
      }
    }
    case CANCEL:
      return { type: 'cancel', id, indexes: readIndexes(reader, MAX_ASKED_INDEXES) }
    default:
      throw unknownType(type)
  }
}

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const decodeBlockRequest = (frame: Uint8Array): BlockRequest => {
  const reader = new ByteReader(frame)
  const message = readRequest(reader)
  reader.end()
  return message
}

/** A piece of a block without its bytes, which come behind. */
export const encodePieceHead = ({ id, index, offset }: Omit<BlockPiece, 'bytes'>): Uint8Array =>
  new ByteWriter(16).u8(PIECE).u32(id).u32(index).u32(offset).finish()

export const encodeBlockAnswer = (message: BlockAnswer): Uint8Array => {
  switch (message.type) {
    case 'none':
      return new ByteWriter(8).u8(NONE).u32(message.id).finish()
    case 'all':
      return new ByteWriter(8).u8(ALL).u32(message.id).finish()
    case 'closed':
      return new ByteWriter(8).u8(CLOSED).u32(message.id).finish()
    case 'some': {
      const { id, count, have } = message
      return new ByteWriter(16 + have.length).u8(SOME).u32(id).u32(count).fixed(have).finish()
    }
    case 'gained':
      return writeIndexes(new ByteWriter(64).u8(GAINED).u32(message.id), message.indexes).finish()
    case 'list':
      return new ByteWriter(16 + message.bytes.length)
        .u8(LIST)
        .u32(message.id)
        .u32(message.sizeBytes)
        .u32(message.offset)
        .fixed(message.bytes)
        .finish()
    case 'piece':
      return concatBytes(encodePieceHead(message), message.bytes)
    case 'not':
      return new ByteWriter(16)
        .u8(NOT)
        .u32(message.id)
        .u32(message.index)
        .u8(REASONS.indexOf(message.why))
        .finish()
  }
}

/** What is left of the frame. */
const readPiece = (reader: ByteReader): Uint8Array => {
  const count = reader.left
  if (count === 0 || count > MAX_BLOCK_PIECE_BYTES) throw malformed(`a piece of ${count} bytes`)
  return reader.fixed(count)
}

const readIndex = (reader: ByteReader): number => {
  const index = reader.u32()
  if (index >= MAX_BLOCKS) throw malformed(`block ${index}`)
  return index
}

const checkEnd = (offset: number, bytes: Uint8Array, sizeBytes: number): void => {
  if (offset + bytes.length > sizeBytes) throw malformed(`bytes behind the end at ${sizeBytes}`)
}

const readAnswer = (reader: ByteReader): BlockAnswer => {
  const type = reader.u8()
  const id = reader.u32()
  switch (type) {
    case NONE:
      return { type: 'none', id }
    case ALL:
      return { type: 'all', id }
    case CLOSED:
      return { type: 'closed', id }
    case SOME: {
      const count = reader.u32()
      if (count > MAX_BLOCKS) throw malformed(`a list of ${count} blocks`)
      const have = reader.fixed((count + 7) >>> 3)
      checkSpareBits(count, have)
      return { type: 'some', id, count, have }
    }
    case GAINED:
      return { type: 'gained', id, indexes: readIndexes(reader, MAX_GAINED_INDEXES) }
    case LIST: {
      const sizeBytes = reader.u32()
      const offset = reader.u32()
      const bytes = readPiece(reader)
      if (sizeBytes > MAX_BLOCK_LIST_BYTES) throw malformed(`a block list of ${sizeBytes} bytes`)
      checkEnd(offset, bytes, sizeBytes)
      return { type: 'list', id, sizeBytes, offset, bytes }
    }
    case PIECE: {
      const index = readIndex(reader)
      const offset = reader.u32()
      const bytes = readPiece(reader)
      checkEnd(offset, bytes, MAX_CHUNK_BYTES)
      return { type: 'piece', id, index, offset, bytes }
    }
    case NOT: {
      const index = readIndex(reader)
      const why = REASONS[reader.u8()]
      if (why === undefined) throw malformed('an unknown reason')
      return { type: 'not', id, index, why }
    }
    default:
      throw unknownType(type)
  }
}

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const decodeBlockAnswer = (frame: Uint8Array): BlockAnswer => {
  const reader = new ByteReader(frame)
  const message = readAnswer(reader)
  reader.end()
  return message
}
