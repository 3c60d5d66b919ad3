/** One kind of fault of a peer. */
export interface FaultBody {
  readonly code: string
  readonly count: number
}

export interface PeerBody {
  readonly peerId: string
  /** From the certificate. */
  readonly name: string | null
  readonly connected: boolean
  readonly address: string | null
  readonly direction: 'inbound' | 'outbound' | null
  readonly connectedAt: string | null
  readonly roundTripMs: number | null
  /** Whether announcements go to it. */
  readonly neighbour: boolean
  /** Whether it is avoided after faults, and until when. */
  readonly avoidedUntil: string | null
  /** What it did wrong since this daemon started: how often, by error code. */
  readonly faults: readonly FaultBody[]
  /** When a network key revoked it; `null`: it did not. */
  readonly revokedAt: string | null
  /** Of the last failed attempt to connect. */
  readonly lastError: string | null
  /** The last round of push-pull with it since the daemon started. */
  readonly lastRound: RoundBody | null
  /**
   * Peer ids of others that it says it was connected to; `null`: it has not said, or is not connected.
   */
  readonly told: readonly string[] | null
}

/** What one round of push-pull came to. */
export interface RoundBody {
  readonly at: string
  readonly begunBy: 'us' | 'peer'
  /** Whether both sides had the same. */
  readonly equal: boolean
  /** Records that one side lacked, as far as they were found; of a peer's round those that moved. */
  readonly differences: number
  readonly received: number
  readonly sent: number
  /** Of frames, both ways. */
  readonly bytes: number
  /** Why it ended early. */
  readonly error: string | null
}

/** What many rounds of push-pull came to. */
export interface RoundsBody {
  readonly equal: number
  readonly differed: number
  readonly failed: number
  /** Records that one side lacked, as far as they were found. */
  readonly differences: number
  /** Of frames, the records included. */
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** GET /peers */
export interface PeersBody {
  readonly peers: readonly PeerBody[]
}
