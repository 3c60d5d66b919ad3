import { list, nullable, object, oneOf, text } from '../shape.ts'
import type { CertificateBody, CertificatesBody, RevocationBody } from '../../api/index.ts'

export const certificatesBody = object<CertificatesBody>({
  networkId: text,
  networkKeys: list(text),
  certificates: list(
    object<CertificateBody>({
      name: text,
      peerId: text,
      issued: text,
      expires: text,
      namespaces: list(text),
      sources: list(oneOf('own', 'listed', 'connected')),
      revokedAt: nullable(text),
      text,
    }),
  ),
  revoked: list(
    object<RevocationBody>({
      name: nullable(text),
      peerId: text,
      certificates: text,
      revokedAt: text,
    }),
  ),
})
