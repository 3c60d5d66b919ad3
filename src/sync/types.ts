import type { PeerId } from '../keys/index.ts'
import type { Mark } from './push-pull/agreements.ts'
import type { PeerKnowledge, RoundReport } from './push-pull/push-pull.ts'
import type { RoundCounts } from './push-pull/tally.ts'

/** What sync has been doing, for status and metrics. */
export interface SyncStatus {
  /** Peers that announcements go to. */
  readonly neighbours: readonly PeerId[]
  /** The last round that this node began. */
  readonly lastPushPull?: RoundReport
  /** The last round with each peer, whoever began it, the newest last. */
  readonly rounds: readonly RoundReport[]
  /** Names whose content is being fetched or waits for a holder. */
  readonly fetching: readonly string[]
  readonly counts: {
    readonly announcementsSent: number
    readonly announcementsReceived: number
    readonly relayed: number
    readonly refused: number
    /** Rounds of push-pull, whoever began them. */
    readonly pushPulls: RoundCounts
    readonly contentFetches: number
    readonly contentFailures: number
  }
}

/** What sync knows about one name. */
export interface SyncAbout {
  /** Connected peers; `undefined`: it has not said yet what it wants. */
  readonly wants: ReadonlyMap<PeerId, boolean | undefined>
  /** If content is missing: who says to have it, and why the last attempt brought nothing. */
  readonly missing?: {
    readonly holders: readonly PeerId[]
    readonly lastError: string | undefined
  }
}

export interface Sync {
  start(): Promise<void>
  stop(): Promise<void>
  status(): SyncStatus
  /** What is known about peers and this name: whether each wants it, and who has missing content. */
  about(name: string): SyncAbout
  /** What is known of a peer's having the files that are here; also of one that is away. */
  known(peer: PeerId): PeerKnowledge
  /** How many changes of files there were, to be compared with the mark of an agreement. */
  mark(): Mark
  /** Runs one push-pull with a random peer (or this one) now; for tests and impatient people. */
  pushPull(peer?: PeerId): Promise<void>
  /**
   * Begins a push-pull with every connected peer soon. Call it when this node has come to want or to
   * allow more than before: what its peers announced earlier is not announced again.
   */
  catchUp(): void
}
