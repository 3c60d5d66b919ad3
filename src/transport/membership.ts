import { MeshError } from '../errors/index.ts'
import { publicKeyFromPeerId, verifyCertificate } from '../keys/index.ts'
import type { PeerId, PublicKey } from '../keys/index.ts'
import type { Clock } from '../util/index.ts'

/** What a peer's right to be in the network says about it. */
export interface Admission {
  /** Node name; only if a network key vouches for it. */
  readonly name?: string
  /** Wall clock, ms since the epoch: the right ends then. */
  readonly expiresAtMs?: number
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
}

/**
 * With network keys: whoever shows a certificate that one of them signed for its key. Without:
 * everybody (the private network's pre-shared key is the only wall then, or there is none), and
 * what certificates say is not believed.
 */
export const createMembership = (
  { clock }: { clock: Pick<Clock, 'nowMs'> },
  init: { network: string; networkKeys: readonly PublicKey[]; certificate?: string | undefined },
): Membership => ({
  own: init.certificate,
  admit(certificate, remote) {
    const { network, networkKeys } = init
    if (networkKeys.length === 0) return {}
    if (certificate === undefined) {
      throw new MeshError(
        'ERR_CERTIFICATE_MISSING',
        `${remote} showed no certificate, which the network ${network} asks for; ` +
          'make one with "mesh certificate sign" and name it in its configuration',
        { data: { peer: remote } },
      )
    }
    const key = publicKeyFromPeerId(remote)
    const found = verifyCertificate(certificate, {
      network,
      networkKeys,
      key,
      nowMs: clock.nowMs(),
    })
    return { name: found.name, expiresAtMs: found.expires }
  },
})
