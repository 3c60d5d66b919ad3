/** A peer that gives or gets content. */
export interface TransferPeerBody {
  readonly peerId: string
  /** `null`: not connected any more. */
  readonly name: string | null
  /** That came from it, verified, or went to it. */
  readonly bytes: number
  /** Over the last seconds. */
  readonly bytesPerSecond: number
}

/** Content on its way in. */
export interface ReceivingBody {
  readonly name: string
  readonly sha256: string
  /**
   * `searching`: nobody who has any of it is known. `listing`: the list of its blocks is being fetched.
   * `fetching`: bytes come in. `finishing`: all is here and is being made durable and shown.
   */
  readonly state: 'searching' | 'listing' | 'fetching' | 'finishing'
  /** That are here and verified, those found on this machine included. */
  readonly doneBytes: number
  readonly totalBytes: number
  /** Of `doneBytes`: found on this machine, in older versions and other files. */
  readonly localBytes: number
  readonly bytesPerSecond: number
  /** At this rate; `null`: it stands still. */
  readonly leftMs: number | null
  readonly startedAt: string
  readonly holders: readonly TransferPeerBody[]
}

/** Content that a peer gets from this node. */
export interface SendingBody extends TransferPeerBody {
  /** Of the file; `name` is the peer's. */
  readonly file: string
  readonly sha256: string
  readonly startedAt: string
}

/** GET /transfers */
export interface TransfersBody {
  /** By name. */
  readonly receiving: readonly ReceivingBody[]
  /** By peer. */
  readonly sending: readonly SendingBody[]
}

/** All that is on its way, in one line. */
export interface TransfersSummaryBody {
  readonly receiving: number
  readonly sending: number
  readonly doneBytes: number
  readonly totalBytes: number
  readonly receivedPerSecond: number
  readonly sentPerSecond: number
}
