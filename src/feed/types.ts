import type { EventBody, EventType, GapBody } from '../api/index.ts'
import type { Selector } from '../statement/index.ts'

type WithoutPlace<T> = T extends EventBody ? Omit<T, 'cursor' | 'at'> : never

/** An event before it has a place. */
export type NewEvent = WithoutPlace<EventBody>

/**
 * Who is told. `local`: whoever may see everything. `public`: whoever sees what is world-readable;
 * `all`: both.
 */
export type Audience = 'all' | 'local' | 'public'

/** An event as it is told. */
export interface Told {
  readonly cursor: string
  readonly type: EventType
  /** JSON of the whole `EventBody`. */
  readonly json: string
}

/** What a reader takes in one turn. */
export interface Batch {
  /** Before the events. */
  readonly gap: GapBody | undefined
  readonly events: readonly Told[]
  /** There is more to be taken at once. */
  readonly more: boolean
}

export interface ReadInit {
  /** The reader may see everything. */
  readonly local: boolean
  /** Behind which event to begin; `oldest`: with the oldest held. @default now */
  readonly cursor?: string
  /** Only events about these files. @default everything, what is not about files included */
  readonly names?: readonly Selector[]
  /** Only these types, or families of them. @default all */
  readonly types?: readonly string[]
}

/** A place in the stream. Holds nothing of it. */
export interface FeedReader {
  /** Behind everything that was taken so far. */
  cursor(): string
  /** What is there by now, up to these bounds. */
  take(bounds: { readonly maxEvents: number; readonly maxBytes: number }): Batch
  /** Resolves when there may be something to take, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>
  /** Gives the place back. Idempotent. */
  close(): void
}

export interface Feed {
  /** Tells an event to everybody whom it concerns. */
  add(event: NewEvent, audience: Audience): void
  /** @throws MeshError `ERR_LIMIT_EXCEEDED`, `ERR_REQUEST_MALFORMED` */
  read(init: ReadInit): FeedReader
  /** Readers now. */
  readers(): number
  /** Events told since the start. */
  told(): number
}
