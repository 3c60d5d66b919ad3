import { createTokenBucket, createTokenBuckets } from '../../util/index.ts'
import { MAX_RATED_PEERS } from '../limits.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Clock, TokenBucket } from '../../util/index.ts'

/** Bytes a second that content may take; `undefined`: no limit. */
export interface Bandwidth {
  readonly upload?: number | undefined
  readonly uploadPerPeer?: number | undefined
  readonly download?: number | undefined
  readonly downloadPerPeer?: number | undefined
}

/** Holds content to the bandwidth that the configuration gives it, in both directions. */
export interface Rates {
  /** So many bytes are about to go; ms to wait before. */
  takeUpload(peer: PeerId, bytes: number): number
  /** So many bytes have come; ms to wait before more is read. */
  takeDownload(peer: PeerId, bytes: number): number
  /** Puts other limits in force. */
  set(bandwidth: Bandwidth): void
}

type Take = (peer: PeerId, bytes: number) => number

export const createRates = (
  components: { clock: Pick<Clock, 'monotonicMs'> },
  init: Bandwidth,
): Rates => {
  const total = (perSecond: number | undefined): TokenBucket | undefined =>
    perSecond === undefined ? undefined : createTokenBucket(components, { perSecond })
  const each = (perSecond: number | undefined): ((peer: PeerId) => TokenBucket) | undefined =>
    perSecond === undefined
      ? undefined
      : createTokenBuckets<PeerId>(components, { perSecond, maxKeys: MAX_RATED_PEERS })

  const limit = (all: number | undefined, perPeer: number | undefined): Take => {
    const bucket = total(all)
    const buckets = each(perPeer)
    return (peer, bytes) => Math.max(bucket?.take(bytes) ?? 0, buckets?.(peer).take(bytes) ?? 0)
  }

  let upload: Take
  let download: Take
  const set = (bandwidth: Bandwidth): void => {
    upload = limit(bandwidth.upload, bandwidth.uploadPerPeer)
    download = limit(bandwidth.download, bandwidth.downloadPerPeer)
  }
  set(init)
  return {
    takeUpload: (peer, bytes) => upload(peer, bytes),
    takeDownload: (peer, bytes) => download(peer, bytes),
    set,
  }
}
