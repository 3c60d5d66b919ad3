import type { BlocksBody, BlocksGcBody, BlocksProgressBody } from '../api/index.ts'
import type { BlocksReportBody } from '../api/index.ts'
import type { EventBody, GapBody, StreamStartBody } from '../api/index.ts'
import type { ExplainBody } from '../api/index.ts'
import type { CertificatesBody, FilesBody, HealthBody, HistoryBody } from '../api/index.ts'
import type { PeersBody, PreviewBody } from '../api/index.ts'
import type { PublicStatusBody, SpreadBody, StatusBody, StoredBody } from '../api/index.ts'
import type { TransfersBody } from '../api/index.ts'
import type { MeshError } from '../errors/index.ts'
import type { Clock } from '../util/index.ts'

/** Where a daemon is: an `http:` or `https:` URL, or the path of its unix socket. */
export type DaemonAddress = { readonly url: string } | { readonly socketPath: string }

export interface ClientInit {
  /**
   * Longest wait for a connection, in ms.
   * @default 10000
   */
  readonly connectTimeoutMs?: number
  /**
   * Longest silence of a connection, in ms. A daemon answers an upload only when it is durable.
   * @default 120000
   */
  readonly idleTimeoutMs?: number
  /** Bearer token of the daemon, with which TCP may do what the unix socket may. @default none */
  readonly token?: string | undefined
  /** @default systemClock */
  readonly clock?: Clock
}

export interface RequestOptions {
  readonly signal?: AbortSignal
}

/** A signed statement as it travels in header fields. */
export interface StatementHeaders {
  /** Base64 of the exact text. */
  readonly statement: string
  /** Base64 of one binary SSHSIG each. */
  readonly signatures: readonly string[]
  /** Base64 of the certificate, for a namespace. */
  readonly certificate?: string
}

/** On which version of now a change depends; else it fails with `ERR_PRECONDITION_FAILED`. */
export interface Condition {
  /** Digest of the content that is current, or id of its statement; `*`: there is any. */
  readonly ifMatch?: string | undefined
  /** The same of what is not current; `*`: there is none. */
  readonly ifNoneMatch?: string | undefined
}

export interface Upload extends StatementHeaders, Condition {
  readonly sizeBytes: number
  /** Exactly `sizeBytes`; not read if the daemon refuses before. When it throws, so does `upload`. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** Allows a jump of versions. */
  readonly force?: boolean
  /** Called with the bytes handed to the connection so far. */
  readonly onProgress?: (sentBytes: number) => void
}

export interface Removal extends StatementHeaders, Condition {
  readonly force?: boolean
}

/** What {@link Client.events} gives. `start`: connected, or connected again; `gap`: events are missing. */
export type ClientEvent = EventBody | GapBody | StreamStartBody

export interface EventsInit extends RequestOptions {
  /** Go on behind this event; `oldest`: from the oldest that the daemon holds. @default now */
  readonly cursor?: string | undefined
  /** Only about these names and patterns. @default all */
  readonly names?: readonly string[] | undefined
  /** Only these types or families. @default all */
  readonly types?: readonly string[] | undefined
  /** Wait for a daemon that does not answer yet, too. @default false */
  readonly patient?: boolean
  /** Told when the connection is lost; the stream goes on. */
  readonly onLost?: (error: MeshError) => void
  /** Waits between attempts. @default by the clock, which lets a process end meanwhile */
  readonly sleep?: (delayMs: number, signal: AbortSignal | undefined) => Promise<void>
}

/** Content on its way. Read `chunks` to the end, or return from the loop to drop the rest. */
export interface Download extends StatementHeaders {
  /** As announced; not yet compared with what arrives. */
  readonly sizeBytes: number | undefined
  readonly chunks: AsyncIterable<Uint8Array>
}

/**
 * The HTTP API of one daemon. Every method rejects with a MeshError: the daemon's own code,
 * `ERR_DAEMON_UNREACHABLE`, `ERR_RESPONSE_MALFORMED`, `ERR_TIMEOUT` or `ERR_ABORTED`.
 */
export interface Client {
  /** For messages: the URL, or `unix:` and the path. */
  readonly address: string
  /** Over TCP a daemon tells less. */
  status(options?: RequestOptions): Promise<StatusBody | PublicStatusBody>
  /** Resolves whether the daemon is well or not. */
  health(options?: RequestOptions): Promise<HealthBody>
  peers(options?: RequestOptions): Promise<PeersBody>
  /** Content that is on its way from and to peers now. */
  transfers(options?: RequestOptions): Promise<TransfersBody>
  /** What the store of blocks holds. */
  blocks(options?: RequestOptions): Promise<BlocksBody>
  /** Has the daemon remove what nobody keeps; `now`: whatever its age. */
  collectBlocks(options?: RequestOptions & { readonly now?: boolean }): Promise<BlocksGcBody>
  /** Begins the check of all blocks in the background. */
  scrubBlocks(options?: RequestOptions): Promise<BlocksBody>
  /** Checks all blocks at once, and resolves when that is done. */
  verifyBlocks(
    options?: RequestOptions & { readonly onProgress?: (progress: BlocksProgressBody) => void },
  ): Promise<BlocksReportBody>
  /** Which peer has which version, as far as the daemon knows; `after` a name, if there are more. */
  spread(options?: RequestOptions & { readonly after?: string }): Promise<SpreadBody>
  /** Every node certificate that the daemon knows of, and every revocation. */
  certificates(options?: RequestOptions): Promise<CertificatesBody>
  /** What a reload with this configuration would do. */
  preview(configuration: string, options?: RequestOptions): Promise<PreviewBody>
  /** All configured names, or only one, or those that match a pattern. */
  files(options?: RequestOptions & { readonly name?: string }): Promise<FilesBody>
  history(name: string, options?: RequestOptions): Promise<HistoryBody>
  /** Why a file is here or is not; on the unix socket only. */
  explain(name: string, options?: RequestOptions): Promise<ExplainBody>
  /** The winning statement as the text of a `.stmt` file. */
  statement(name: string, options?: RequestOptions): Promise<string>
  /** The OpenAPI document of the daemon, as it is. */
  openapi(options?: RequestOptions): Promise<unknown>
  /**
   * What happens from now on, without end. When the connection is lost it is made again and the stream
   * goes on where it was; what cannot be had any more is a `gap`. Rejects when the daemon refuses, when
   * it does not answer the first time (unless `patient`), and when the signal aborts.
   */
  events(init?: EventsInit): AsyncIterable<ClientEvent>
  upload(name: string, upload: Upload, options?: RequestOptions): Promise<StoredBody>
  remove(name: string, removal: Removal, options?: RequestOptions): Promise<StoredBody>
  /** What is shown, or the content of a remembered statement by its id. */
  download(
    name: string,
    options?: RequestOptions & {
      readonly statement?: string
      /** Only these bytes, `end` excluded. @throws MeshError `ERR_RANGE_INVALID` */
      readonly range?: { readonly start: number; readonly end?: number }
    },
  ): Promise<Download>
}
