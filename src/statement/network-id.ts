import { MeshError } from '../errors/index.ts'
import { toHex } from '../util/index.ts'
import { show } from './show.ts'
import type { Random } from '../util/index.ts'
import type { NetworkId } from './types.ts'

export const MAX_NETWORK_ID_BYTES = 64

/**
 * `text` as the id of a network.
 *
 * @throws MeshError `ERR_NETWORK_ID_INVALID`
 */
export const parseNetworkId = (text: string): NetworkId => {
  if (/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/.test(text)) return text as NetworkId
  throw new MeshError(
    'ERR_NETWORK_ID_INVALID',
    `${show(text)} is not a network id: 1 to ${MAX_NETWORK_ID_BYTES} of a-z 0-9 and "-", not at an end`,
  )
}

/** A new id that nobody else has: `mesh-` and 32 hex digits. */
export const generateNetworkId = (random: Random): NetworkId =>
  parseNetworkId(`mesh-${toHex(random.bytes(16))}`)
