import { base58, concatBytes, equalBytes } from '../util/index.ts'
import { isMeshError, MeshError } from '../errors/index.ts'
import { PUBLIC_KEY_BYTES, publicKeyFromBytes, publicKeyToBytes } from './public-key.ts'
import type { PeerId, PublicKey } from './types.ts'

/**
 * A peer id is an identity multihash (0x00, length 36) of the key in protobuf: field 1 (type) is 1
 * (ed25519), field 2 (data) its 32 bytes. See the libp2p peer id specification.
 */
const PREFIX: Uint8Array = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
/** Longest text that is read as a peer id. */
export const MAX_PEER_ID_CHARACTERS = 64

/** The peer id that libp2p gives to the owner of `key`. */
export const peerIdFromPublicKey = (key: PublicKey): PeerId =>
  base58.encode(concatBytes(PREFIX, publicKeyToBytes(key))) as PeerId

/** The key that a peer id consists of. */
export const publicKeyFromPeerId = (id: PeerId): PublicKey => {
  // Reading base58 takes time that grows with the square of its length.
  const bytes = id.length > MAX_PEER_ID_CHARACTERS ? undefined : base58.decode(id)
  if (bytes === undefined) {
    const shown = JSON.stringify(id.slice(0, MAX_PEER_ID_CHARACTERS))
    throw new MeshError('ERR_KEY_MALFORMED', `${shown} is not a peer id`)
  }
  return publicKeyFromBytes(bytes.subarray(PREFIX.length))
}

/** `text` as the peer id of a usable ed25519 key, or `undefined`. */
export const parsePeerId = (text: string): PeerId | undefined => {
  if (text.length > MAX_PEER_ID_CHARACTERS) return undefined
  const bytes = base58.decode(text)
  if (bytes?.length !== PREFIX.length + PUBLIC_KEY_BYTES) return undefined
  if (!equalBytes(bytes.subarray(0, PREFIX.length), PREFIX)) return undefined
  try {
    publicKeyFromBytes(bytes.subarray(PREFIX.length))
  } catch (error) {
    if (isMeshError(error)) return undefined
    throw error
  }
  return text as PeerId
}
