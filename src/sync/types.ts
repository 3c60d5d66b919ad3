import type { PeerId } from '../keys/index.ts'

/** What sync has been doing, for status and metrics. */
export interface SyncStatus {
  /** Peers that announcements go to. */
  readonly neighbours: readonly PeerId[]
  readonly lastPushPull?: {
    readonly peer: PeerId
    /** Wall clock, ms since the epoch. */
    readonly atMs: number
    readonly equal: boolean
    readonly received: number
    readonly sent: number
    /** Bytes of frames, both ways. */
    readonly bytes: number
  }
  /** Names whose content is being fetched or waits for a holder. */
  readonly fetching: readonly string[]
  readonly counts: {
    readonly announcementsSent: number
    readonly announcementsReceived: number
    readonly relayed: number
    readonly refused: number
    readonly pushPulls: number
    readonly contentFetches: number
    readonly contentFailures: number
  }
}

export interface Sync {
  start(): Promise<void>
  stop(): Promise<void>
  status(): SyncStatus
  /** Runs one push-pull with a random peer (or this one) now; for tests and impatient people. */
  pushPull(peer?: PeerId): Promise<void>
  /**
   * Begins a push-pull with every connected peer soon. Call it when this node has come to want or to
   * allow more than before: what its peers announced earlier is not announced again.
   */
  catchUp(): void
}
