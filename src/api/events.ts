import type { FileBody } from './files.ts'

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
 * version is here. `file-unpacked`: another tree (`unpack`) is complete where it is to be seen, of a new
 * version or in the place of one that was changed on the disk; `file-tree-gone`: there is none any more.
 * `file-changed`: anything else, such as a version whose content is missing yet.
 */
export interface FileEventBody extends EventBase {
  readonly type:
    | 'file-shown'
    | 'file-changed'
    | 'file-deleted'
    | 'file-expired'
    | 'file-conflict'
    | 'file-withdrawn'
    | 'file-unpacked'
    | 'file-tree-gone'
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
  ...['file-unpacked', 'file-tree-gone', 'health-cleared', 'transfer', 'configuration-reloaded'],
] as const satisfies readonly EventType[]

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
