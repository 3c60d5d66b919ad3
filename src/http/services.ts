import type { BlocksBody, BlocksGcBody, BlocksProgressBody } from '../api/index.ts'
import type { BlocksReportBody } from '../api/index.ts'
import type { ExplainBody, ReceivingBody } from '../api/index.ts'
import type { CertificatesBody, HealthWarningBody, PeersBody } from '../api/index.ts'
import type { PreviewBody, SpreadBody, StatusBody, TransfersBody } from '../api/index.ts'
import type { Feed } from '../feed/index.ts'
import type { Files, OpenFile } from '../files/index.ts'
import type { Health, Logger, Metrics, Workers } from '../observe/index.ts'
import type { FileName, NetworkId } from '../statement/index.ts'
import type { Clock } from '../util/index.ts'
import type { FindAddresses } from './interfaces.ts'
import type { TokenDigest } from './tokens.ts'

/** What the API is a face of. */
export interface HttpServices {
  readonly files: Pick<
    Files,
    | 'accept'
    | 'view'
    | 'list'
    | 'counts'
    | 'history'
    | 'open'
    | 'openVersion'
    | 'holdsContent'
    | 'explain'
  >
  /** A file whose content is too large to be kept here, read out of other nodes. */
  openElsewhere(name: FileName): OpenFile | undefined
  readonly events: Pick<Feed, 'read'>
  /** What is known about peers and this name. */
  reach(name: FileName): Reach
  readonly networkId: NetworkId
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'add' | 'expose'>
  status(): StatusBody
  peers(): PeersBody
  transfers(): TransfersBody
  readonly blocks: BlockServices
  /** Which peer has which version, behind this name. */
  spread(after?: FileName): SpreadBody
  certificates(): CertificatesBody
  /** What a reload with this configuration would do. @throws MeshError `ERR_CONFIG_*` */
  preview(configuration: string): Promise<PreviewBody>
  readonly health: Pick<Health, 'raise' | 'clear'>
  readonly workers: Pick<Workers, 'add'>
  /** Bearer tokens with which TCP may do what the unix socket may; as they are now. */
  tokens(): readonly TokenDigest[]
  /** Of the machine. */
  readonly findAddresses: FindAddresses
  /** What is wrong now, the most severe first. */
  warnings(): readonly HealthWarningBody[]
  /** Where the daemon is in its life. */
  phase(): 'starting' | 'ready' | 'stopping'
}

/** What is told of and done with blocks. */
export interface BlockServices {
  stat(): BlocksBody
  gc(options: { now: boolean; signal: AbortSignal }): Promise<BlocksGcBody>
  /** Begins the check in the background; does nothing while it is under way. */
  scrub(): void
  verify(options: {
    signal: AbortSignal
    onProgress: (progress: BlocksProgressBody) => void
  }): Promise<BlocksReportBody>
}

/** Who else has to do with a name. */
export interface Reach {
  /** Connected. */
  readonly peers: ExplainBody['peers']
  /** Peers that are configured or were connected once, and are not now; those to be told of first. */
  readonly unreachable: readonly {
    readonly peerId: string
    readonly name: string | null
    readonly lastError: string | null
  }[]
  /** While content is missing: why the last attempt brought nothing. */
  readonly lastError: string | undefined
  /** While content comes in: how far it is. */
  readonly arriving?: Pick<ReceivingBody, 'doneBytes' | 'totalBytes' | 'bytesPerSecond'> | undefined
}

/** Where to listen. */
export interface HttpInit {
  /** Addresses of TCP listeners, and names or alternative names of interfaces. */
  readonly listen: readonly string[]
  /** Port of each; 0 lets the system choose. */
  readonly port: number
  /** Path of the unix socket. */
  readonly socketPath: string
  /** Permission bits of the unix socket, as 0o660. */
  readonly socketMode: number
  /** Names that requests over TCP may be addressed to, besides loopback and the listeners' own. */
  readonly allowedHosts: readonly string[]
  /**
   * Requests a second from one address over TCP, on average; 0: no limit.
   * @default 0
   */
  readonly requestsPerSecond?: number
  /** Whether GET /metrics is answered over TCP, too. @default false */
  readonly metrics?: boolean
  /**
   * How long requests under way may take to end when stopping, in ms.
   * @default 3000
   */
  readonly stopGraceMs?: number
}

/** The HTTP face of a daemon. */
export interface Http {
  /** @throws MeshError `ERR_LISTEN_FAILED` */
  start(): Promise<void>
  /** Takes no more requests, lets those under way end for a while, then ends them. */
  stop(): Promise<void>
  /** Addresses of the TCP listeners as URLs; empty before `start`. */
  urls(): readonly string[]
}
