import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { MeshError } from '../errors/index.ts'
import { parsePeerId } from '../keys/index.ts'
import type { PeerId as Libp2pPeerId, PrivateKey as Libp2pPrivateKey } from '@libp2p/interface'
import type { PeerId, PrivateKey } from '../keys/index.ts'

/** Our identity key as libp2p wants it. */
export const toLibp2pKey = (key: PrivateKey): Promise<Libp2pPrivateKey> =>
  generateKeyPairFromSeed('Ed25519', key.seed)

/**
 * The peer id that Noise has proved, as ours.
 *
 * @throws MeshError `ERR_KEY_WEAK`: a key of another kind, or one for which anybody can sign
 */
export const fromLibp2pPeerId = (id: Libp2pPeerId): PeerId => {
  const peer = id.type === 'Ed25519' ? parsePeerId(id.toString()) : undefined
  if (peer !== undefined) return peer
  throw new MeshError(
    'ERR_KEY_WEAK',
    `${id.toString()} is not the peer id of a usable ed25519 key (it is of type ${id.type})`,
  )
}
