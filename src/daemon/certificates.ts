import { isMeshError } from '../errors/index.ts'
import { formatPublicKey, parseCertificate, peerIdFromPublicKey } from '../keys/index.ts'
import { isRevokedBy } from '../trust/index.ts'
import { formatTimestamp } from '../util/index.ts'
import type { CertificateBody, CertificatesBody } from '../api/index.ts'
import type { NodeCertificate } from '../keys/index.ts'
import type { StatusSources } from './status.ts'

type Source = CertificateBody['sources'][number]

interface Known {
  readonly certificate: NodeCertificate
  readonly text: string
  readonly sources: Source[]
}

/** Every certificate that this node knows of: its own, those of connected peers, and the listed ones. */
const collect = ({
  transport,
  trustFiles,
  ownCertificate,
}: Pick<StatusSources, 'transport' | 'trustFiles' | 'ownCertificate'>): Known[] => {
  const known = new Map<string, Known>()
  const add = (text: string | undefined, source: Source): void => {
    if (text === undefined) return
    const before = known.get(text)
    if (before !== undefined) return void before.sources.push(source)
    try {
      const { certificate } = parseCertificate(text)
      known.set(text, { certificate, text, sources: [source] })
    } catch (error) {
      // Our own file may hold anything; health speaks of it.
      if (!isMeshError(error)) throw error
    }
  }
  const own = ownCertificate()
  add(typeof own === 'string' ? own : undefined, 'own')
  for (const { text } of trustFiles.listed()?.certificates.values() ?? []) add(text, 'listed')
  for (const { certificate } of transport.peers()) add(certificate, 'connected')
  return [...known.values()]
}

/** Answers GET /certificates: sorted by name, then by end. */
export const listCertificates = (
  sources: Pick<
    StatusSources,
    'networkId' | 'networkKeys' | 'transport' | 'trustFiles' | 'ownCertificate'
  >,
): CertificatesBody => {
  const { networkId, trustFiles } = sources
  const found = collect(sources).sort(
    ({ certificate: a }, { certificate: b }) =>
      (a.name < b.name ? -1 : Number(a.name > b.name)) || a.expires - b.expires,
  )
  return {
    networkId,
    networkKeys: sources.networkKeys().map((key) => formatPublicKey(key, 'openssh')),
    certificates: found.map(({ certificate, text, sources }) => {
      const revocation = trustFiles.revocation(certificate.key)
      const isRevoked = isRevokedBy(revocation, certificate)
      return {
        name: certificate.name,
        peerId: peerIdFromPublicKey(certificate.key),
        issued: formatTimestamp(certificate.issued),
        expires: formatTimestamp(certificate.expires),
        namespaces: certificate.namespaces,
        sources,
        revokedAt:
          isRevoked && revocation !== undefined ? formatTimestamp(revocation.revokedAt) : null,
        text,
      }
    }),
    revoked: [...(trustFiles.revocations()?.revocations.values() ?? [])].map((each) => ({
      name: each.name ?? null,
      peerId: peerIdFromPublicKey(each.key),
      certificates:
        each.certificates === 'all' ? each.certificates : formatTimestamp(each.certificates),
      revokedAt: formatTimestamp(each.revokedAt),
    })),
  }
}
