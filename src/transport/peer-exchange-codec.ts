import { isMeshError, MeshError } from '../errors/index.ts'
import { peerIdFromPublicKey, publicKeyFromBytes, publicKeyFromPeerId } from '../keys/index.ts'
import { publicKeyToBytes } from '../keys/index.ts'
import { ByteReader, ByteWriter, compareBytes, compareText } from '../util/index.ts'
import { MAX_ADDRESS_BYTES, MAX_ADDRESSES_PER_PEER, MAX_EXCHANGED_PEERS } from './limits.ts'
import type { PeerId } from '../keys/index.ts'

const KEY_BYTES = 32

/** What one side of a peer exchange says. Wire format: docs/protocols/peers.md. */
export interface PeerExchange {
  /** Whether the sender wants to be told again what it was told before. */
  readonly anew: boolean
  /** Where the sender can be reached, sorted. */
  readonly own: readonly string[]
  /** Others, by key. */
  readonly peers: readonly { readonly peer: PeerId; readonly locations: readonly string[] }[]
}

const malformed = (why: string): MeshError =>
  new MeshError('ERR_PROTOCOL_MALFORMED', `malformed peer exchange: ${why}`)

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

export const encodePeerExchange = ({ anew, own, peers }: PeerExchange): Uint8Array => {
  const writer = new ByteWriter().u8(anew ? 1 : 0)
  writeLocations(writer, own)
  const keyed = peers
    .map(({ peer, locations }) => ({ key: publicKeyToBytes(publicKeyFromPeerId(peer)), locations }))
    .sort((a, b) => compareBytes(a.key, b.key))
  writer.list(keyed, (each, { key, locations }) => {
    each.fixed(key)
    writeLocations(each, locations)
  })
  return writer.finish()
}

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const decodePeerExchange = (bytes: Uint8Array): PeerExchange => {
  const reader = new ByteReader(bytes)
  const flags = reader.u8()
  if (flags > 1) throw malformed(`unknown flags: ${flags}`)
  const own = readLocations(reader)
  const peers = reader.list(MAX_EXCHANGED_PEERS, (each) => {
    const key = each.fixed(KEY_BYTES)
    return { key, locations: readLocations(each) }
  })
  reader.end()
  checkOrder(peers, (a, b) => compareBytes(a.key, b.key), 'peers')
  return {
    anew: flags === 1,
    own,
    peers: peers.map(({ key, locations }) => ({ peer: readKey(key), locations })),
  }
}
