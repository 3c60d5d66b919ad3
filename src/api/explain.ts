import type { FileStateBody, VersionBody } from './files.ts'

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
