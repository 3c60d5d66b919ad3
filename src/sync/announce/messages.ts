import { ByteReader, ByteWriter } from '../../util/index.ts'
import { FRAME_HEADER_BYTES, MAX_FRAME_RECORDS } from '../limits.ts'
import { malformed, readCollection, readDigest, readItem, readName } from '../wire.ts'
import { unknownType, writeCollection, writeDigest, writeItem } from '../wire.ts'
import type { Digest } from '../../util/index.ts'
import type { WireItem } from '../wire.ts'

/** Content that the sender has got by now. */
export interface Holding {
  readonly name: string
  readonly digest: Digest
}

/** Why a peer is not taken as a neighbour: no room, or the two are joined already. */
export type Refusal = 'full' | 'joined'

export type AnnounceMessage =
  | { readonly type: 'hello' }
  | { readonly type: 'welcome' }
  | { readonly type: 'refusal'; readonly reason: Refusal }
  | { readonly type: 'items'; readonly collection: string; readonly items: readonly WireItem[] }
  | { readonly type: 'have'; readonly collection: string; readonly holdings: readonly Holding[] }

const HELLO = 1
const WELCOME = 2
const REFUSAL = 3
const ITEMS = 4
const HAVE = 5
const REFUSALS: readonly Refusal[] = ['full', 'joined']

/** What goes into a frame, encoded once for all neighbours. */
export interface Parcel {
  readonly type: 'items' | 'have'
  readonly collection: string
  readonly bytes: Uint8Array
}

export const itemParcel = (collection: string, item: WireItem): Parcel => {
  const writer = new ByteWriter(FRAME_HEADER_BYTES + item.record.length)
  writeItem(writer, item)
  return { type: 'items', collection, bytes: writer.finish() }
}

export const haveParcel = (collection: string, { name, digest }: Holding): Parcel => {
  const writer = new ByteWriter().text(name)
  writeDigest(writer, digest)
  return { type: 'have', collection, bytes: writer.finish() }
}

/** One frame of parcels, which are of one type and one collection. */
export const packParcels = (parcels: readonly [Parcel, ...Parcel[]]): Uint8Array => {
  const writer = new ByteWriter(FRAME_HEADER_BYTES).u8(parcels[0].type === 'items' ? ITEMS : HAVE)
  writeCollection(writer, parcels[0].collection)
  return writer.list(parcels, (_, { bytes }) => writer.fixed(bytes)).finish()
}

export const encodeAnnounce = (message: AnnounceMessage): Uint8Array => {
  const writer = new ByteWriter(FRAME_HEADER_BYTES)
  switch (message.type) {
    case 'hello':
      return writer.u8(HELLO).finish()
    case 'welcome':
      return writer.u8(WELCOME).finish()
    case 'refusal':
      return writer.u8(REFUSAL).u8(REFUSALS.indexOf(message.reason)).finish()
    case 'items':
      writeCollection(writer.u8(ITEMS), message.collection)
      return writer.list(message.items, writeItem).finish()
    case 'have':
      writeCollection(writer.u8(HAVE), message.collection)
      return writer
        .list(message.holdings, (_, { name, digest }) => writeDigest(writer.text(name), digest))
        .finish()
  }
}

const readMessage = (reader: ByteReader): AnnounceMessage => {
  const type = reader.u8()
  switch (type) {
    case HELLO:
      return { type: 'hello' }
    case WELCOME:
      return { type: 'welcome' }
    case REFUSAL: {
      const number = reader.u8()
      const reason = REFUSALS[number]
      if (reason === undefined) throw malformed(`unknown reason ${number}`)
      return { type: 'refusal', reason }
    }
    case ITEMS: {
      const collection = readCollection(reader)
      return { type: 'items', collection, items: reader.list(MAX_FRAME_RECORDS, readItem) }
    }
    case HAVE: {
      const collection = readCollection(reader)
      const holdings = reader.list(MAX_FRAME_RECORDS, () => ({
        name: readName(reader),
        digest: readDigest(reader),
      }))
      return { type: 'have', collection, holdings }
    }
    default:
      throw unknownType(type)
  }
}

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const decodeAnnounce = (frame: Uint8Array): AnnounceMessage => {
  const reader = new ByteReader(frame)
  const message = readMessage(reader)
  reader.end()
  return message
}
