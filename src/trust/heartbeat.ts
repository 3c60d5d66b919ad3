import { utf8 } from '../util/index.ts'
import { MAX_HEARTBEAT_BYTES } from './limits.ts'
import { malformed, readHead, readText, writeHead } from './lines.ts'
import { HEARTBEAT_FILE } from './names.ts'
import type { NetworkId } from '../statement/index.ts'

/**
 * What `_mesh/heartbeat` says beside the end that its statement has: how far the other two files had
 * come. A node that has less was kept from something.
 */
export interface Heartbeat {
  readonly network: NetworkId
  /** Version of `_mesh/certificates`; 0: none was published. */
  readonly certificates: number
  /** Version of `_mesh/revoked`; 0: none was published. */
  readonly revoked: number
}

const KIND = 'mesh-heartbeat 1'
const REST = /^certificates (0|[1-9][0-9]{0,15})\nrevoked (0|[1-9][0-9]{0,15})\n$/

/** @throws MeshError `ERR_TRUST_MALFORMED` */
export const decodeHeartbeat = (bytes: Uint8Array): Heartbeat => {
  const text = readText(HEARTBEAT_FILE, bytes, MAX_HEARTBEAT_BYTES)
  const { network, rest } = readHead(HEARTBEAT_FILE, KIND, text)
  const [whole, ...counts] = REST.exec(rest) ?? []
  const [certificates = 0, revoked = 0] = counts.map(Number)
  const fits = whole !== undefined && [certificates, revoked].every(Number.isSafeInteger)
  if (fits) return { network, certificates, revoked }
  throw malformed(
    HEARTBEAT_FILE,
    'lines 3 and 4 are not "certificates" and "revoked", each with a version',
  )
}

/** @throws MeshError `ERR_TRUST_MALFORMED` if nobody would read it */
export const encodeHeartbeat = ({ network, certificates, revoked }: Heartbeat): Uint8Array => {
  const head = writeHead(KIND, network)
  const bytes = utf8(`${head}certificates ${certificates}\nrevoked ${revoked}\n`)
  decodeHeartbeat(bytes)
  return bytes
}
