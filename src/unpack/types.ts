import type { EventEmitter } from 'node:events'
import type { Files } from '../files/index.ts'
import type { Health, Logger, Workers } from '../observe/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Clock, Random } from '../util/index.ts'

export interface UnpackComponents {
  readonly files: Pick<Files, 'events' | 'list' | 'view' | 'open' | 'distrust'>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly health: Health
  readonly workers: Workers
}

export interface UnpackInit {
  readonly stateDir: string
  /** How fast tars are read to be held against their trees; 0: only when asked for, unpaced. */
  readonly verifyBytesPerSecond: number
}

export interface UnpackEvents {
  /** Another tree is to be seen of a name, or none any more. */
  switched: [{ readonly name: FileName; readonly isThere: boolean }]
  /** What is to be seen of a name was looked at, and is what it has to be. */
  settled: [FileName]
}

/** Shows signed tars as trees. */
export interface Unpack {
  readonly events: EventEmitter<UnpackEvents>
  /** Removes what a crash has left, and begins. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Looks at every name again, in the background: the configuration has changed. */
  refresh(): void
  /** Holds all trees against their tars now, in the background. */
  verify(): void
  /**
   * Which tree is to be seen of a name, `absent` if none is; `undefined` while that is not what it has
   * to be. Each tree is another one, also if it was made again of the same content.
   */
  treeOf(name: FileName): string | undefined
}
