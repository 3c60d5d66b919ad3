import { isMeshError } from '../errors/index.ts'
import { verifyCertificate } from '../keys/index.ts'
import { formatDuration, formatTimestamp } from '../util/index.ts'
import type { ErrorCode } from '../errors/index.ts'
import type { NodeCertificate, PublicKey } from '../keys/index.ts'
import type { Health } from '../observe/index.ts'

/** How long before its end a certificate is warned of. */
export const CERTIFICATE_WARNING_MS = 14 * 24 * 3_600_000

const CODES = [
  'certificate-invalid',
  'certificate-expired',
  'certificate-revoked',
  'certificate-expires-soon',
] as const

/** What our own right to be in the network rests on. */
export interface OwnCertificate {
  readonly network: string
  readonly networkKeys: readonly PublicKey[]
  readonly key: PublicKey
  /** Text of the file, or why there is none. */
  readonly certificate: string | Error | undefined
  /** @throws MeshError `ERR_CERTIFICATE_REVOKED` */
  checkRevoked?(certificate: NodeCertificate): void
}

const CODE_OF: Partial<Record<ErrorCode, (typeof CODES)[number]>> = {
  ERR_CERTIFICATE_EXPIRED: 'certificate-expired',
  ERR_CERTIFICATE_REVOKED: 'certificate-revoked',
}

const judge = (
  { network, networkKeys, key, certificate, checkRevoked }: OwnCertificate,
  nowMs: number,
): { certificate?: NodeCertificate; code?: (typeof CODES)[number]; message?: string } => {
  if (networkKeys.length === 0) return {}
  if (typeof certificate !== 'string') {
    const why = certificate === undefined ? 'none is configured' : certificate.message
    return {
      code: 'certificate-invalid',
      message:
        `this node has no certificate, and no peer will let it in: ${why}; make one with ` +
        '"mesh certificate sign", name it in network.certificate, and send SIGHUP',
    }
  }
  try {
    const found = verifyCertificate(certificate, { network, networkKeys, key, nowMs })
    checkRevoked?.(found)
    const leftMs = found.expires - nowMs
    if (leftMs >= CERTIFICATE_WARNING_MS) return { certificate: found }
    return {
      certificate: found,
      code: 'certificate-expires-soon',
      message: `this node's certificate expires in ${formatDuration(leftMs)}, at ${formatTimestamp(found.expires)}; renew it with "mesh certificate renew"`,
    }
  } catch (error) {
    if (!isMeshError(error)) throw error
    return {
      code: CODE_OF[error.code] ?? 'certificate-invalid',
      message: `no peer will let this node in: ${error.message}`,
    }
  }
}

/** Judges our own certificate now, keeps its health warning true, and answers what is valid of it. */
export const checkOwnCertificate = (
  { health, clock }: { health: Health; clock: { nowMs(): number } },
  own: OwnCertificate,
): NodeCertificate | undefined => {
  const { certificate, code, message } = judge(own, clock.nowMs())
  for (const other of CODES) if (other !== code) health.clear(other)
  if (code !== undefined && message !== undefined) {
    const severity = code === 'certificate-expires-soon' ? 'warning' : 'error'
    health.raise({ code, subject: '', severity, message })
  }
  return certificate
}
