import { decodeCertificates } from './certificates.ts'
import { decodeHeartbeat } from './heartbeat.ts'
import { wrongNetwork } from './lines.ts'
import { CERTIFICATES_FILE, HEARTBEAT_FILE, REVOKED_FILE } from './names.ts'
import { decodeRevocations } from './revocations.ts'
import type { FileName, NetworkId } from '../statement/index.ts'

type Decode = (content: Uint8Array) => { readonly network: NetworkId }

const decoders: ReadonlyMap<FileName, Decode> = new Map<FileName, Decode>([
  [CERTIFICATES_FILE, decodeCertificates],
  [HEARTBEAT_FILE, decodeHeartbeat],
  [REVOKED_FILE, decodeRevocations],
])

/** Whether the name is one of the network's own files. */
export const isTrustFile = (name: FileName): boolean => decoders.has(name)

/**
 * Whether every node of the network can read this content of one of its own files.
 *
 * @throws MeshError `ERR_TRUST_MALFORMED`
 */
export const checkTrustFile = (name: FileName, content: Uint8Array, network: NetworkId): void => {
  const found = decoders.get(name)?.(content).network
  if (found !== undefined && found !== network) throw wrongNetwork(name, found)
}
