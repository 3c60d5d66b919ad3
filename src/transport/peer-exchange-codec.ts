import { isMeshError, MeshError } from '../errors/index.ts'
import { peerIdFromPublicKey, publicKeyFromBytes, publicKeyFromPeerId } from '../keys/index.ts'
import { publicKeyToBytes } from '../keys/index.ts'
import { ByteReader, ByteWriter, compareBytes } from '../util/index.ts'
import { digestFromBytes, digestToBytes } from '../util/index.ts'
import { MAX_ADDRESS_BYTES, MAX_ADDRESSES_PER_PEER, MAX_EXCHANGED_PEERS } from './limits.ts'
import type { PeerId } from '../keys/index.ts'
import type { Digest } from '../util/index.ts'

const KEY_BYTES = 32
const DIGEST_BYTES = 32

/** Where one side can be reached, and where others can. */
export interface PeerTelling {
  /** Where the sender can be reached, sorted. */
  readonly own: readonly string[]
  /** Others, by key. */
  readonly peers: readonly { readonly peer: PeerId; readonly locations: readonly string[] }[]
}

/** A message of peer exchange. Wire format: docs/protocols/peers.md. */
export type PeerExchange =
  /** Of the telling that the sender has for the receiver; `wanted`: it wants the receiver's own. */
  | { readonly type: 'digest'; readonly digest: Digest; readonly wanted: boolean }
  | ({ readonly type: 'telling' } & PeerTelling)
  /** Answered by a telling; `anew`: with other peers than last time, if there are more. */
  | { readonly type: 'get'; readonly anew: boolean }

const TYPES = ['digest', 'telling', 'get'] as const satisfies readonly PeerExchange['type'][]

const malformed = (why: string): MeshError =>
  new MeshError('ERR_PROTOCOL_MALFORMED', `malformed peer exchange: ${why}`)

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const checkOrder = <T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  what: string,
): void => {
  items.forEach((item, index) => {
    const before = items[index - 1]
    if (index > 0 && before !== undefined && compare(before, item) >= 0) {
      throw malformed(`${what} are not sorted, or not unique`)
    }
  })
}

const readLocations = (reader: ByteReader): string[] => {
  const locations = reader.list(MAX_ADDRESSES_PER_PEER, (each) => each.text(MAX_ADDRESS_BYTES))
  checkOrder(locations, compareText, 'addresses')
  return locations
}

const writeLocations = (writer: ByteWriter, locations: readonly string[]): void => {
  const sorted = [...new Set(locations)].sort(compareText).slice(0, MAX_ADDRESSES_PER_PEER)
  writer.list(sorted, (each, location) => each.text(location))
}

const readKey = (bytes: Uint8Array): PeerId => {
  try {
    return peerIdFromPublicKey(publicKeyFromBytes(bytes))
  } catch (error) {
    if (isMeshError(error)) throw malformed(error.message)
    throw error
  }
}

const readFlag = (reader: ByteReader): boolean => {
  const value = reader.u8()
  if (value > 1) throw malformed(`a flag of ${value}`)
  return value === 1
}

const writeTelling = (writer: ByteWriter, { own, peers }: PeerTelling): void => {
  writeLocations(writer, own)
  const keyed = peers
    .map(({ peer, locations }) => ({ key: publicKeyToBytes(publicKeyFromPeerId(peer)), locations }))
    .sort((a, b) => compareBytes(a.key, b.key))
  writer.list(keyed, (each, { key, locations }) => {
    each.fixed(key)
    writeLocations(each, locations)
  })
}

const readTelling = (reader: ByteReader): PeerTelling => {
  const own = readLocations(reader)
  const peers = reader.list(MAX_EXCHANGED_PEERS, (each) => {
    const key = each.fixed(KEY_BYTES)
    return { key, locations: readLocations(each) }
  })
  checkOrder(peers, (a, b) => compareBytes(a.key, b.key), 'peers')
  return { own, peers: peers.map(({ key, locations }) => ({ peer: readKey(key), locations })) }
}

export const encodePeerExchange = (message: PeerExchange): Uint8Array => {
  const writer = new ByteWriter().u8(TYPES.indexOf(message.type) + 1)
  if (message.type === 'telling') writeTelling(writer, message)
  else if (message.type === 'get') writer.u8(message.anew ? 1 : 0)
  else writer.fixed(digestToBytes(message.digest)).u8(message.wanted ? 1 : 0)
  return writer.finish()
}

const readMessage = (reader: ByteReader): PeerExchange => {
  const number = reader.u8()
  const type = TYPES[number - 1]
  switch (type) {
    case 'digest': {
      const digest = digestFromBytes(reader.fixed(DIGEST_BYTES))
      return { type, digest, wanted: readFlag(reader) }
    }
    case 'telling':
      return { type, ...readTelling(reader) }
    case 'get':
      return { type, anew: readFlag(reader) }
    default:
      throw malformed(`a message of type ${number}`)
  }
}

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const decodePeerExchange = (bytes: Uint8Array): PeerExchange => {
  const reader = new ByteReader(bytes)
  const message = readMessage(reader)
  reader.end()
  return message
}
