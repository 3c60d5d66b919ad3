import type { BlocksSummaryBody } from './blocks.ts'
import type { FileStateBody } from './files.ts'
import type { HealthWarningBody } from './health.ts'
import type { RoundsBody } from './peers.ts'
import type { TransfersSummaryBody } from './transfers.ts'

export interface WorkerBody {
  readonly name: string
  readonly state: 'idle' | 'running' | 'stopped'
  readonly runs: number
  readonly failures: number
  readonly lastError: string | null
  readonly nextRunInMs: number | null
}

/** What the network's own files say, as far as they are here; versions `null`: none was published. */
export interface TrustBody {
  readonly certificates: { readonly version: number | null; readonly count: number }
  readonly revoked: { readonly version: number | null; readonly count: number }
  /** `null`: there is none, and nothing to be late. */
  readonly heartbeat: {
    readonly version: number
    /** A time or `never`. */
    readonly expires: string
    readonly stale: boolean
  } | null
}

/** GET /status */
export interface StatusBody {
  readonly version: string
  readonly networkId: string
  readonly peerId: string
  /** The node's name in its certificate, and when that expires. */
  readonly certificate: { readonly name: string; readonly expires: string } | null
  /** `null` without network keys. */
  readonly trust: TrustBody | null
  readonly startedAt: string
  readonly uptimeMs: number
  readonly addresses: readonly string[]
  /** Of the HTTP API over TCP; empty: it is on the unix socket only. */
  readonly urls: readonly string[]
  readonly peersConnected: number
  readonly files: Readonly<Record<FileStateBody, number>>
  /** Digest over the ids of all kept statements; equal on nodes in step. */
  readonly catalogueDigest: string
  readonly sync: {
    readonly neighbours: readonly string[]
    readonly lastPushPullAt: string | null
    /** Connected peers by what the last round of push-pull with each came to; `none`: there was none. */
    readonly lastRounds: Readonly<Record<'equal' | 'differed' | 'failed' | 'none', number>>
    /** All rounds of push-pull since the daemon started, whoever began them. */
    readonly rounds: RoundsBody
    readonly fetching: readonly string[]
  }
  readonly transfers: TransfersSummaryBody
  readonly blocks: BlocksSummaryBody
  readonly workers: readonly WorkerBody[]
  readonly health: readonly HealthWarningBody[]
}

/** GET /status over TCP: what somebody needs to know who signs for this network. */
export type PublicStatusBody = Pick<StatusBody, 'version' | 'networkId' | 'peerId'>
