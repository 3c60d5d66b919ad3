/** One node certificate that a daemon knows of. */
export interface CertificateBody {
  readonly name: string
  readonly peerId: string
  readonly issued: string
  readonly expires: string
  readonly namespaces: readonly string[]
  /** Where it is from: this node's own, `_mesh/certificates`, or a connected peer. */
  readonly sources: readonly ('own' | 'listed' | 'connected')[]
  /** When it lost its right; `null`: it did not. */
  readonly revokedAt: string | null
  /** The certificate file. */
  readonly text: string
}

/** One line of `_mesh/revoked`. */
export interface RevocationBody {
  readonly name: string | null
  readonly peerId: string
  /** `all`, or the time before which certificates were issued that do not count. */
  readonly certificates: string
  readonly revokedAt: string
}

/** GET /certificates */
export interface CertificatesBody {
  readonly networkId: string
  /** Public keys that sign for the network, as the node is configured. */
  readonly networkKeys: readonly string[]
  readonly certificates: readonly CertificateBody[]
  readonly revoked: readonly RevocationBody[]
}
