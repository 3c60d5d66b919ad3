import { array, nullable, object, oneOf, string } from './json-schema.ts'
import type { CertificateBody, CertificatesBody, RevocationBody } from '../../api/index.ts'

export const certificatesSchema = object<CertificatesBody>({
  networkId: string,
  networkKeys: array(string),
  certificates: array(
    object<CertificateBody>({
      name: string,
      peerId: string,
      issued: string,
      expires: string,
      namespaces: array(string),
      sources: array(oneOf('own', 'listed', 'connected')),
      revokedAt: nullable(string),
      text: string,
    }),
  ),
  revoked: array(
    object<RevocationBody>({
      name: nullable(string),
      peerId: string,
      certificates: string,
      revokedAt: string,
    }),
  ),
})
