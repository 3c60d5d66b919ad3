/** One content that is missing here, and how the search for it goes. */
import { SMALL_CONTENT_BYTES } from '../limits.ts'
import type { Collection, MissingContent } from '../collection.ts'
import type { Holders } from './holders.ts'
import type { Segments } from './segments.ts'

export interface Task {
  readonly collection: Collection
  missing: MissingContent
  readonly holders: Holders
  failures: number
  /** Why the last attempt brought nothing. */
  lastError: string | undefined
  /** Monotonic; not tried before. */
  notBeforeMs: number
  /** A former attempt came out wrong: one holder at a time from now on. */
  single: boolean
  /** Of that attempt, if several took part in it. */
  mixed: Segments | undefined
  /** Under way. */
  running: { isComplete: () => boolean; abort: () => void } | undefined
  /** Waits within an attempt that a new holder ends. */
  readonly wakes: Set<() => void>
}

/** The first lane is for small content only, so that large content never blocks all of them. */
export const suits = ({ missing }: Task, lane: number): boolean =>
  lane > 0 || missing.content.sizeBytes <= SMALL_CONTENT_BYTES
