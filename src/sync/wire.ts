import { MeshError } from '../errors/index.ts'
import { digestFromBytes, digestToBytes } from '../util/index.ts'
import { MAX_COLLECTION_BYTES, MAX_INLINE_BYTES, MAX_NAME_BYTES } from './limits.ts'
import { MAX_RECORD_BYTES } from './limits.ts'
import type { ByteReader, ByteWriter, Digest } from '../util/index.ts'

/** A record on the wire, with its content if that is small and here. */
export interface WireItem {
  /** The sender has the content and serves it. */
  readonly holds: boolean
  readonly record: Uint8Array
  readonly content?: Uint8Array
}

const HOLDS = 1
const INLINE = 2

export const malformed = (why: string): MeshError =>
  new MeshError('ERR_PROTOCOL_MALFORMED', `malformed message: ${why}`)

export const writeItem = (writer: ByteWriter, { holds, record, content }: WireItem): void => {
  writer.u8((holds ? HOLDS : 0) | (content === undefined ? 0 : INLINE)).bytes(record)
  if (content !== undefined) writer.bytes(content)
}

export const readItem = (reader: ByteReader): WireItem => {
  const flags = reader.u8()
  if (flags > (HOLDS | INLINE)) throw malformed(`unknown flags ${flags}`)
  const record = reader.bytes(MAX_RECORD_BYTES)
  const holds = (flags & HOLDS) !== 0
  if ((flags & INLINE) === 0) return { holds, record }
  return { holds, record, content: reader.bytes(MAX_INLINE_BYTES) }
}

/** Bytes that {@link writeItem} writes. */
export const itemBytes = ({ record, content }: WireItem): number =>
  1 + 4 + record.length + (content === undefined ? 0 : 4 + content.length)

/** Length in one byte, then ASCII. */
export const writeCollection = (writer: ByteWriter, name: string): void => {
  const bytes = Buffer.from(name, 'latin1')
  writer.u8(bytes.length).fixed(bytes)
}

export const readCollection = (reader: ByteReader): string => {
  const length = reader.u8()
  if (length > MAX_COLLECTION_BYTES) throw malformed(`a collection's name of ${length} bytes`)
  const name = Buffer.from(reader.fixed(length)).toString('latin1')
  if (!/^[a-z-]+$/.test(name)) throw malformed('a collection whose name is not of a-z and "-"')
  return name
}

export const writeDigest = (writer: ByteWriter, digest: Digest): void => {
  writer.fixed(digestToBytes(digest))
}

export const readDigest = (reader: ByteReader): Digest => digestFromBytes(reader.fixed(32))

/** A name of 1 to {@link MAX_NAME_BYTES} bytes; what it may say is the collection's business. */
export const readName = (reader: ByteReader): string => {
  const name = reader.text(MAX_NAME_BYTES)
  if (name === '') throw malformed('an empty name')
  return name
}

/** Throws unless `items` are in strictly ascending order. */
export const checkAscending = (items: readonly string[], what: string): void => {
  for (let index = 1; index < items.length; index++) {
    if ((items[index - 1] ?? '') >= (items[index] ?? '')) throw malformed(`${what} are not sorted`)
  }
}

/** For each message type its byte; 0 is never used. */
export const unknownType = (type: number): MeshError => malformed(`unknown message type ${type}`)
