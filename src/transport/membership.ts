import { isMeshError, MeshError } from '../errors/index.ts'
import { publicKeyFromPeerId, verifyCertificate } from '../keys/index.ts'
import type { NodeCertificate, PeerId, PublicKey } from '../keys/index.ts'
import type { Clock } from '../util/index.ts'

/** What a peer's right to be in the network says about it. */
export interface Admission {
  /** Node name; only if a network key vouches for it. */
  readonly name?: string
  /** Wall clock, ms since the epoch: the right ends then. */
  readonly expiresAtMs?: number
  /** Text of the certificate that counts; it may be a newer one than was shown. */
  readonly certificate?: string
}

/** Who belongs to the network. */
export interface Membership {
  /** Our own certificate, as it is shown to others. */
  readonly own: string | undefined
  /**
   * Judges the certificate that `remote` showed after it had proved its key.
   *
   * @throws MeshError `ERR_CERTIFICATE_*`
   */
  admit(certificate: string | undefined, remote: PeerId): Admission
  /** Why no certificate of `remote` counts, whichever it shows; `undefined`: one may. */
  refusal(remote: PeerId): MeshError | undefined
}

export interface MembershipInit {
  readonly network: string
  readonly networkKeys: readonly PublicKey[]
  readonly certificate?: string | undefined
  /** A certificate for this key that has come another way: who shows an older one is let in by it. */
  readonly known?: (key: PublicKey) => string | undefined
  /** Fails if a valid certificate has lost its right. @throws MeshError `ERR_CERTIFICATE_REVOKED` */
  readonly checkRevoked?: (certificate: NodeCertificate) => void
  /** Why no certificate of a key counts. */
  readonly keyRevoked?: (key: PublicKey) => MeshError | undefined
}

/**
 * With network keys: whoever has a certificate that one of them signed for its key. Without:
 * everybody (the private network's pre-shared key is the only wall then, or there is none), and
 * what certificates say is not believed.
 */
export const createMembership = (
  { clock }: { clock: Pick<Clock, 'nowMs'> },
  init: MembershipInit,
): Membership => {
  const { network, networkKeys, known, checkRevoked, keyRevoked } = init

  const judge = (text: string, key: PublicKey): NodeCertificate => {
    const found = verifyCertificate(text, { network, networkKeys, key, nowMs: clock.nowMs() })
    checkRevoked?.(found)
    return found
  }

  /** The newest of those that count, or why the first does not. */
  const newest = (texts: readonly string[], key: PublicKey): Admission => {
    let best: { found: NodeCertificate; text: string } | undefined
    let reason: MeshError | undefined
    for (const text of texts) {
      try {
        const found = judge(text, key)
        if (best === undefined || found.issued > best.found.issued) best = { found, text }
      } catch (error) {
        if (!isMeshError(error)) throw error
        reason ??= error
      }
    }
    if (best !== undefined) {
      const { name, expires } = best.found
      return { name, expiresAtMs: expires, certificate: best.text }
    }
    throw reason ?? new MeshError('ERR_INTERNAL', 'no certificate and no reason')
  }

  return {
    own: init.certificate,
    refusal(remote) {
      if (networkKeys.length === 0 || keyRevoked === undefined) return undefined
      return keyRevoked(publicKeyFromPeerId(remote))
    },
    admit(certificate, remote) {
      if (networkKeys.length === 0) return {}
      const key = publicKeyFromPeerId(remote)
      const texts = [certificate, known?.(key)].filter((text) => text !== undefined)
      if (texts.length > 0) return newest([...new Set(texts)], key)
      throw new MeshError(
        'ERR_CERTIFICATE_MISSING',
        `${remote} showed no certificate, which the network ${network} asks for; ` +
          'make one with "mesh certificate sign" and name it in its configuration',
        { data: { peer: remote } },
      )
    },
  }
}
