import type { OpenFile } from '../files/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Mark } from './push-pull/agreements.ts'
import type { PeerKnowledge } from './push-pull/knowledge.ts'
import type { RoundReport } from './push-pull/reports.ts'
import type { Bandwidth } from './blocks/rates.ts'
import type { Digest } from '../util/index.ts'
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
    /** Bytes of blocks since the start: verified ones that came, and all that went. */
    readonly blockBytesReceived: number
    readonly blockBytesSent: number
  }
}

/** A peer that takes part in a transfer. */
export interface TransferPeer {
  readonly peer: PeerId
  /** That came from it, verified. */
  readonly bytes: number
  /** Over the last seconds. */
  readonly bytesPerSecond: number
}

/** Content that is on its way in. */
export interface Transfer {
  readonly collection: string
  readonly name: string
  /** Of the whole content. */
  readonly digest: Digest
  /**
   * `searching`: nobody who has any of it is known. `listing`: the block list is being fetched.
   * `fetching`: bytes come in. `finishing`: all of it is here and is being made durable and shown.
   */
  readonly state: 'searching' | 'listing' | 'fetching' | 'finishing'
  /** That are here and verified, those found on this machine included. */
  readonly doneBytes: number
  readonly ofBytes: number
  /** Of `doneBytes`: found on this machine, in older versions and other files. */
  readonly localBytes: number
  /** From all holders, over the last seconds. */
  readonly bytesPerSecond: number
  /** Wall clock, ms since the epoch. */
  readonly startedAtMs: number
  /** Who has given any of it or is being asked, by peer id. */
  readonly holders: readonly TransferPeer[]
}

/** Content that a peer is fetching from this node. */
export interface Serving extends TransferPeer {
  readonly collection: string
  readonly name: string
  readonly digest: Digest
  /** Wall clock, ms since the epoch. */
  readonly startedAtMs: number
}

export interface Transfers {
  /** By name. */
  readonly receiving: readonly Transfer[]
  /** By peer, then by name. */
  readonly sending: readonly Serving[]
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

export interface Sync extends Engine {
  /**
   * A file whose content is too large to be kept here, to be read out of the nodes that have it;
   * `undefined` if that is not so, or it has no block list. Its stream throws as well
   * `ERR_FILE_CONTENT_MISSING` if nobody delivers, and `ERR_DAEMON_BUSY` if too many are being read.
   */
  open(name: FileName): OpenFile | undefined
}

/** Replicates whatever it is given. */
export interface Engine {
  start(): Promise<void>
  stop(): Promise<void>
  status(): SyncStatus
  /** What is known about peers and this name: whether each wants it, and who has missing content. */
  about(name: string): SyncAbout
  /** What is known of a peer's having the files that are here; also of one that is away. */
  known(peer: PeerId): PeerKnowledge
  /** How many changes of files there were, to be compared with the mark of an agreement. */
  mark(): Mark
  /** Puts other limits on what content may take of the network in force. */
  setBandwidth(bandwidth: Bandwidth): void
  /** What is on its way in and out now. */
  transfers(): Transfers
  /** Runs one push-pull with a random peer (or this one) now; for tests and impatient people. */
  pushPull(peer?: PeerId): Promise<void>
  /**
   * Begins a push-pull with every connected peer soon. Call it when this node has come to want or to
   * allow more than before: what its peers announced earlier is not announced again.
   */
  catchUp(): void
}
