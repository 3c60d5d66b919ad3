/** Base64 of the exact statement text. */
export const STATEMENT_HEADER = 'Mesh-Statement'
/** Base64 of the certificate that a statement of a namespace is signed under. */
export const CERTIFICATE_HEADER = 'Mesh-Certificate'
/** Query parameter of GET /files/{name}: the id of a remembered statement, whose content it is. */
export const STATEMENT_PARAMETER = 'statement'
/** Base64 of one binary SSHSIG; repeated, or joined by commas, for several. */
export const SIGNATURE_HEADER = 'Mesh-Signature'
/** Both headers together. */
export const MAX_STATEMENT_HEADERS_BYTES = 12 * 2 ** 10
/**
 * Query parameter of PUT and DELETE /files/{name}: `?force=true` allows a jump of versions.
 */
export const FORCE_PARAMETER = 'force'
/** Has garbage collection remove blocks whatever their age: `?now=true`. */
export const NOW_PARAMETER = 'now'
/** Of POST /blocks/verify: one JSON object a line. */
export const VERIFY_MEDIA_TYPE = 'application/x-ndjson'
/**
 * Query parameter of GET /files: `?name=` asks for one name only, 404 if it is not configured, or for
 * those that match a pattern.
 */
export const NAME_PARAMETER = 'name'
/** Query parameter of GET /events: go on behind this cursor; `oldest`: from the oldest event that is held. */
export const CURSOR_PARAMETER = 'cursor'
/** Query parameter of GET /events: answer as JSON, at the latest after so many ms (long poll). */
export const WAIT_PARAMETER = 'waitMs'
/** Query parameter of GET /events: a type of events, or a family of them (`file`); repeatable. */
export const TYPE_PARAMETER = 'type'
/** Of {@link CURSOR_PARAMETER}. */
export const OLDEST_CURSOR = 'oldest'
/** Header field in which a browser that connects again names the last event it has seen. */
export const LAST_EVENT_HEADER = 'Last-Event-ID'
/** Media type of GET /events without `waitMs`. */
export const EVENTS_MEDIA_TYPE = 'text/event-stream'
/** Longest `waitMs`. Bounds how long a poll keeps its place. */
export const MAX_POLL_WAIT_MS = 60_000
/** Between two signs of life of an event stream on which nothing happens. */
export const EVENT_KEEP_ALIVE_MS = 15_000
/** Query parameter of GET /spread: `?after=` a name goes on behind it. */
export const AFTER_PARAMETER = 'after'
/** Media type of GET /statements/{name}: the `.stmt` file that `parseStatementFile` reads. */
export const STATEMENT_MEDIA_TYPE = 'text/plain; charset=utf-8'
/** Media type of {@link ProblemBody}. */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'
/**
 * Bodies of at least this size are sent by our client with `Expect: 100-continue`: the server checks
 * statement and policy before it asks for the body, and a refusal costs no transfer.
 */
export const EXPECT_CONTINUE_BYTES = 64 * 2 ** 10
/** Longest path of a unix socket: `sun_path` on Linux, without its NUL. */
export const MAX_SOCKET_PATH_BYTES = 107
export const DEFAULT_SOCKET_PATH = '/run/mesh/mesh.sock'
export const DEFAULT_HTTP_PORT = 7331
export const DEFAULT_CLUSTER_PORT = 7946

/** RFC 9457; `code` is the stable one of `docs/errors.md`; further members are the error's data. */
export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly [member: string]: unknown
}

/** One version of a file. */
export interface VersionBody {
  /** Statement id. */
  readonly id: string
  readonly version: number
  readonly time: string
  /** A time or `never`. */
  readonly expires: string
  readonly replaces: string | null
  /** `null`: a tombstone. */
  readonly content: {
    readonly sha256: string
    readonly sizeBytes: number
    /** Digest of the block list; `null`: the content has none. */
    readonly blocks: string | null
  } | null
  readonly signers: readonly string[]
}

export type FileStateBody =
  | 'shown'
  | 'missing'
  | 'too-large'
  | 'too-old'
  | 'deleted'
  | 'expired'
  | 'none'

/** One entry of GET /files. */
export interface FileBody {
  readonly name: string
  readonly state: FileStateBody
  /** The winning version; `null` if nothing was published yet. */
  readonly current: VersionBody | null
  readonly conflict: boolean
  readonly shownAt: string | null
}

/** GET /files */
export interface FilesBody {
  /** So that a signer can make the next statement from this one answer. */
  readonly networkId: string
  readonly files: readonly FileBody[]
}

/** GET /history/{name}: the winner first. */
export interface HistoryBody {
  readonly name: string
  readonly versions: readonly HistoryVersionBody[]
}

/** One version of GET /history/{name}. */
export interface HistoryVersionBody extends VersionBody {
  readonly wins: boolean
  /** Another statement of the same version is here as well. */
  readonly conflict: boolean
  /** `mesh file restore` can have its content from this node. */
  readonly contentHere: boolean
}

/** Why something is as it is: a stable code, and a sentence. */
export interface ReasonBody {
  readonly code: string
  readonly message: string
}

/** GET /explain/{name}, on the unix socket only. */
export interface ExplainBody {
  readonly name: string
  readonly state: FileStateBody | 'not-configured'
  /** In one sentence. */
  readonly answer: string
  readonly reasons: readonly ReasonBody[]
  /** What to do next. */
  readonly next: readonly string[]
  readonly policy: {
    /** The name or pattern in the configuration. */
    readonly selector: string
    readonly signers: readonly string[]
    readonly threshold: number
    readonly deleteSigners: readonly string[]
  } | null
  readonly current: VersionBody | null
  /** Connected peers. */
  readonly peers: readonly {
    readonly peerId: string
    readonly name: string | null
    /** `null`: it has not said yet. */
    readonly wants: boolean | null
    /** It says that it has the content which is missing here. */
    readonly offersContent: boolean
  }[]
  /** What was refused last, the last first, since this daemon started. */
  readonly refusals: readonly {
    readonly version: number
    readonly code: string
    readonly message: string
    readonly signers: readonly string[]
    /** A peer id, or `upload`. */
    readonly from: string
    readonly at: string
  }[]
}

/** PUT and DELETE /files/{name}: 201 stored, 200 already held. */
export interface StoredBody {
  readonly name: string
  readonly outcome: 'stored' | 'known'
  readonly current: VersionBody
}

export interface HealthWarningBody {
  readonly code: string
  readonly subject: string
  readonly severity: 'warning' | 'error'
  readonly message: string
  readonly since: string
}

/** GET /healthz and /readyz. */
export interface HealthBody {
  readonly status: 'ok' | 'degraded' | 'starting' | 'stopping'
  readonly warnings: readonly HealthWarningBody[]
}

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

/** What a peer is known to have of one file. */
export interface PeerVersionBody {
  /**
   * `same`: the statements that are here. `before`: the name has changed here since it was last found
   * to keep the same; `version` is what it had then. `refuses`: it was offered the version that counts
   * here and did not take it. `other`: it keeps something that this node did not take. `unwanted`: it
   * is not configured for the name. `unknown`: nothing was compared since this daemon started.
   */
  readonly has: 'same' | 'before' | 'refuses' | 'other' | 'unwanted' | 'unknown'
  /** The version that it had when the two last compared, as far as that is known. */
  readonly version: number | null
}

/** GET /spread: which peer has which version of which file, as far as this node knows. */
export interface SpreadBody {
  readonly peers: readonly {
    readonly peerId: string
    readonly name: string | null
    readonly connected: boolean
    /** When a round of push-pull last found that it keeps what is here. */
    readonly comparedAt: string | null
  }[]
  readonly files: readonly {
    readonly name: string
    /** Of the winner here; `null`: nothing was published. */
    readonly version: number | null
    /** In the order of `peers`. */
    readonly peers: readonly PeerVersionBody[]
  }[]
  /** The last name, if there are more: ask again with `?after=` it. */
  readonly next: string | null
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

/** GET /blocks */
export interface BlocksBody {
  /** In the store itself. */
  readonly storedBlocks: number
  readonly storedBytes: number
  readonly quotaBytes: number
  /** Of these, what no file here needs and stays while there is room. */
  readonly cachedBlocks: number
  readonly cachedBytes: number
  readonly cacheBytes: number
  /** Of these, what nobody keeps any more and will be removed. */
  readonly unreferencedBlocks: number
  readonly unreferencedBytes: number
  /** Files that serve their own blocks. */
  readonly contents: number
  readonly contentBlocks: number
  readonly contentBytes: number
  /** Files that are being put together, or were when the daemon ended. */
  readonly assemblies: number
  readonly damagedBlocks: number
  readonly scrub: BlocksScrubBody
}

/** The store of blocks in one line. */
export interface BlocksSummaryBody {
  readonly storedBytes: number
  /** Of files that serve their own blocks. */
  readonly contentBytes: number
  readonly damagedBlocks: number
  readonly scrubbing: boolean
}

/** The check of all blocks in the background. */
export interface BlocksScrubBody {
  readonly running: boolean
  /** 0: none by itself. */
  readonly bytesPerSecond: number
  /** Of the check under way, else of the last one. */
  readonly checkedBlocks: number
  readonly checkedBytes: number
  readonly damagedBlocks: number
  readonly totalBytes: number
  /** `null`: never. */
  readonly begunAt: string | null
  readonly endedAt: string | null
}

/** POST /blocks/gc */
export interface BlocksGcBody {
  readonly removedBlocks: number
  readonly removedBytes: number
  /** What nobody keeps and somebody needs now, or what is not old enough. */
  readonly waitingBlocks: number
  /** That nothing in the store spoke of. */
  readonly strayFiles: number
  readonly strayBytes: number
  /** Files that were begun long ago and never became whole. */
  readonly abandonedAssemblies: number
}

/** How far a check of all blocks has come. */
export interface BlocksProgressBody {
  readonly type: 'progress'
  readonly checkedBlocks: number
  readonly checkedBytes: number
  readonly damagedBlocks: number
  readonly totalBytes: number
}

/** What it has found. */
export interface BlocksReportBody extends Omit<BlocksProgressBody, 'type'> {
  readonly type: 'report'
  /** Rows of the database that contradicted each other, and were mended. */
  readonly contradictions: number
}

/** A line of POST /blocks/verify: some of the first kind, then one of another. */
export type BlocksVerifyLine =
  | BlocksProgressBody
  | BlocksReportBody
  | { readonly type: 'problem'; readonly code: string; readonly detail: string }

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

/** One node certificate that a daemon knows of. */
export interface CertificateBody {
  readonly name: string
  readonly peerId: string
  readonly issued: string
  readonly expires: string
  readonly namespaces: readonly string[]
  /** Where it is from: this node's own, `_mesh/certificates`, or a connected peer. */
  readonly sources: readonly ('own' | 'listed' | 'connected')[]
  /** When it lost its right; `null`: it did not. */
  readonly revokedAt: string | null
  /** The certificate file. */
  readonly text: string
}

/** One line of `_mesh/revoked`. */
export interface RevocationBody {
  readonly name: string | null
  readonly peerId: string
  /** `all`, or the time before which certificates were issued that do not count. */
  readonly certificates: string
  readonly revokedAt: string
}

/** GET /certificates */
export interface CertificatesBody {
  readonly networkId: string
  readonly certificates: readonly CertificateBody[]
  readonly revoked: readonly RevocationBody[]
}

/** What a configuration would change about one file; versions `null`: none. */
export interface FileChangeBody {
  readonly name: string
  /**
   * `withdrawn`: not wanted any more. `reverted`: another version is shown, an older one or none.
   * `advanced`: a newer one, which was set aside. `added`: wanted from now on.
   * `policy`: the same version under other rules.
   */
  readonly kind: 'withdrawn' | 'reverted' | 'advanced' | 'added' | 'policy'
  readonly before: number | null
  readonly after: number | null
  /** Keys that may not sign it any more and those that may from now on. */
  readonly removedSigners: readonly string[]
  readonly addedSigners: readonly string[]
}

/** POST /config/preview: what a reload with the configuration in the body would do. */
export interface PreviewBody {
  /** Why it would not be applied at all; `null`: it would. */
  readonly refused: string | null
  readonly restartNeeded: readonly string[]
  readonly changes: readonly FileChangeBody[]
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

/** Where an event of GET /events is, and when it was. */
interface EventBase {
  /** Go on behind this event with it. */
  readonly cursor: string
  readonly at: string
}

/**
 * A file is to be seen in another way than before. `file-shown`: another version is complete on disk.
 * `file-deleted`, `file-expired`: it is not to be seen any more. `file-withdrawn`: this listener shows
 * it no more, as when it is not configured any more. `file-conflict`: another statement of the current
 * version is here. `file-changed`: anything else, such as a version whose content is missing yet.
 */
export interface FileEventBody extends EventBase {
  readonly type:
    | 'file-shown'
    | 'file-changed'
    | 'file-deleted'
    | 'file-expired'
    | 'file-conflict'
    | 'file-withdrawn'
  readonly name: string
  /** As in GET /files; `null`: withdrawn. */
  readonly file: FileBody | null
}

/** A statement was refused, by an upload or from a peer; told once for each. */
export interface RefusedEventBody extends EventBase {
  readonly type: 'file-refused'
  readonly name: string
  readonly version: number
  readonly code: string
  readonly message: string
  readonly signers: readonly string[]
  /** A peer id, or `upload`. */
  readonly from: string
  /** Refusals before it that were too many to be told. */
  readonly suppressed: number
}

/** A member of the mesh came or went. */
export interface PeerEventBody extends EventBase {
  readonly type: 'peer-connected' | 'peer-gone'
  readonly peerId: string
  readonly peerName: string | null
  readonly address: string | null
}

/** Something began to be wrong (or is wrong in another way), or ended. */
export interface HealthEventBody extends EventBase {
  readonly type: 'health-raised' | 'health-cleared'
  readonly code: string
  readonly subject: string
  readonly severity: 'warning' | 'error'
  readonly message: string
}

/** How far content on its way from or to a peer has come. */
export interface TransferEventBody extends EventBase {
  readonly type: 'transfer'
  readonly name: string
  readonly direction: 'receiving' | 'sending'
  readonly phase: 'begun' | 'progress' | 'done' | 'failed'
  readonly doneBytes: number
  readonly totalBytes: number
  /** `null`: several. */
  readonly peerId: string | null
}

/** The configuration was read again. */
export interface ConfigurationEventBody extends EventBase {
  readonly type: 'configuration-reloaded'
  /** Whether it is in force; else the old one still is. */
  readonly applied: boolean
  readonly restartNeeded: readonly string[]
}

/** Something that happened on this node. */
export type EventBody =
  | FileEventBody
  | RefusedEventBody
  | PeerEventBody
  | HealthEventBody
  | TransferEventBody
  | ConfigurationEventBody

export type EventType = EventBody['type']

/** Every type of event; the part before `-` is its family. */
export const EVENT_TYPES = [
  ...['file-shown', 'file-changed', 'file-deleted', 'file-expired', 'file-conflict'],
  ...['file-withdrawn', 'file-refused', 'peer-connected', 'peer-gone', 'health-raised'],
  ...['health-cleared', 'transfer', 'configuration-reloaded'],
] as const satisfies readonly EventType[]

/** Families that {@link TYPE_PARAMETER} takes beside the types. */
export const EVENT_FAMILIES = ['file', 'peer', 'health', 'configuration'] as const

/** Events are missing here: what they were about has to be asked for anew. */
export interface GapBody extends EventBase {
  readonly type: 'gap'
  /** How many; `null`: the cursor was not of this run of the daemon. */
  readonly missed: number | null
}

/** First of every event stream. */
export interface StreamStartBody extends EventBase {
  readonly type: 'start'
  readonly networkId: string
}

/** GET /events with `waitMs`. */
export interface EventsBody {
  /** For the next request. */
  readonly cursor: string
  /** Something is missing before the events; `null`: nothing is. */
  readonly gap: GapBody | null
  readonly events: readonly EventBody[]
}

const encodeName = (name: string): string => name.split('/').map(encodeURIComponent).join('/')

/** Paths of the routes. Names are encoded part by part: `/` stays. */
export const routes = {
  files: '/files',
  file: (name: string): string => `/files/${encodeName(name)}`,
  statement: (name: string): string => `/statements/${encodeName(name)}`,
  history: (name: string): string => `/history/${encodeName(name)}`,
  explain: (name: string): string => `/explain/${encodeName(name)}`,
  events: '/events',
  status: '/status',
  peers: '/peers',
  transfers: '/transfers',
  spread: '/spread',
  certificates: '/certificates',
  blocks: '/blocks',
  blocksGc: '/blocks/gc',
  blocksScrub: '/blocks/scrub',
  blocksVerify: '/blocks/verify',
  preview: '/config/preview',
  metrics: '/metrics',
  openapi: '/openapi.json',
  docs: '/docs',
  healthz: '/healthz',
  readyz: '/readyz',
} as const
