import type { Files } from '../files/index.ts'
import type { Health, Logger, Workers } from '../observe/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Store } from '../store/index.ts'
import type { Clock, Random } from '../util/index.ts'

export interface HooksComponents {
  readonly files: Pick<Files, 'events' | 'list' | 'view'>
  /** What is unpacked of files whose policy says so. */
  readonly trees: Trees
  /** Open. */
  readonly store: Store
  readonly clock: Clock
  /** What tells one run from another. */
  readonly random: Random
  readonly logger: Logger
  readonly health: Pick<Health, 'raise' | 'clear'>
  readonly workers: Pick<Workers, 'add'>
  /** Whether this process is root's. */
  readonly isRoot: boolean
  /** What is passed on to hooks of it is what a program needs to run. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Trees that hooks wait for. */
export interface Trees {
  /** `settled`: a name was looked at, and its tree is as it has to be. */
  readonly events: {
    on(event: 'settled', listener: (name: FileName) => void): unknown
    off(event: 'settled', listener: (name: FileName) => void): unknown
  }
  /** Which tree is to be seen, `absent` if none is; `undefined` while that is not what it has to be. */
  treeOf(name: FileName): string | undefined
}

export interface HooksInit {
  /** Where files are shown. */
  readonly filesDirectory: string
  /** Where trees are. */
  readonly treesDirectory: string
  /** Each program in it runs for each file. */
  readonly directory?: string
  /** Longest time that one run may take. */
  readonly timeoutMs: number
  /** Whether hooks run as root, if the daemon does. */
  readonly allowRoot: boolean
}

/** How often hooks ended how, and what there is now. */
export interface HookCounts {
  readonly succeeded: number
  readonly failed: number
  readonly timedOut: number
  readonly running: number
  /** Names that wait for their turn. */
  readonly waiting: number
}

export interface Hooks {
  /** Looks for what changed while nobody was there, in the background. Idempotent. */
  start(): Promise<void>
  /** Ends hooks that run; what they were to handle is handled at the next start. Idempotent. */
  stop(): Promise<void>
  /** Takes over another configuration; call it too when the policies of files have changed. */
  configure(init: HooksInit): void
  counts(): HookCounts
}
