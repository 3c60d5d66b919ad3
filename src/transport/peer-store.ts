import { isMeshError, MeshError } from '../errors/index.ts'
import { peerIdFromPublicKey, publicKeyFromBytes, publicKeyFromPeerId } from '../keys/index.ts'
import { publicKeyToBytes } from '../keys/index.ts'
import { table } from '../store/index.ts'
import { ByteReader, ByteWriter } from '../util/index.ts'
import { MAX_ADDRESS_BYTES, MAX_ADDRESSES_PER_PEER } from './limits.ts'
import type { Logger } from '../observe/index.ts'
import type { Store } from '../store/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { AddressBook } from './address-book.ts'

/** Key: public key. Value: version byte, time of the last connection, locations. */
const KNOWN_PEERS = table('known-peers')
const VERSION = 1

export const encodeKnownPeer = (
  locations: readonly string[],
  lastConnectedMs: number,
): Uint8Array =>
  new ByteWriter()
    .u8(VERSION)
    .u53(Math.max(0, Math.floor(lastConnectedMs)))
    .list(locations, (writer, location) => writer.text(location))
    .finish()

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const decodeKnownPeer = (
  bytes: Uint8Array,
): { locations: string[]; lastConnectedMs: number } => {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version !== VERSION) {
    throw new MeshError('ERR_PROTOCOL_MALFORMED', `a known peer of version ${version}`)
  }
  const lastConnectedMs = reader.u53()
  const locations = reader.list(MAX_ADDRESSES_PER_PEER, (each) => each.text(MAX_ADDRESS_BYTES))
  reader.end()
  return { locations, lastConnectedMs }
}

const keyOf = (peer: PeerId): Uint8Array => publicKeyToBytes(publicKeyFromPeerId(peer))

/** Keeps the part of the address book that was reached, so that any peer is a bootstrap peer. */
export interface PeerStore {
  load(): void
  /** Writes what has changed; what fails to be written is tried again the next time. */
  save(): Promise<void>
}

export const createPeerStore = (
  { store, book, logger }: { store: Store; book: AddressBook; logger: Logger },
  init: { isUsable(location: string): boolean },
): PeerStore => {
  const unsaved = new Set<PeerId>()

  const isStored = (peer: PeerId): boolean => store.get(KNOWN_PEERS, keyOf(peer)) !== undefined

  const load = (key: Uint8Array, value: Uint8Array): void => {
    try {
      const peer = peerIdFromPublicKey(publicKeyFromBytes(key))
      const { locations, lastConnectedMs } = decodeKnownPeer(value)
      book.restore(peer, locations.filter(init.isUsable), lastConnectedMs)
    } catch (error) {
      if (!isMeshError(error)) throw error
      logger.warn({ error }, 'a known peer in the store cannot be read; it is left out')
    }
  }

  return {
    load() {
      for (const { key, value } of store.range(KNOWN_PEERS)) load(key, value)
      book.takeChanges()
    },
    async save() {
      for (const peer of book.takeChanges()) unsaved.add(peer)
      // Of peers that came and went while nothing could be written there is nothing to be changed.
      for (const peer of unsaved) {
        if (book.get(peer) === undefined && !isStored(peer)) unsaved.delete(peer)
      }
      if (unsaved.size === 0) return
      const batch = [...unsaved]
      await store.transaction((tx) => {
        for (const peer of batch) {
          const key = keyOf(peer)
          const known = book.get(peer)
          if (known?.lastConnectedMs === undefined) tx.remove(KNOWN_PEERS, key)
          else {
            const locations = known.locations.slice(0, MAX_ADDRESSES_PER_PEER)
            tx.put(KNOWN_PEERS, key, encodeKnownPeer(locations, known.lastConnectedMs))
          }
        }
      })
      for (const peer of batch) unsaved.delete(peer)
    },
  }
}
