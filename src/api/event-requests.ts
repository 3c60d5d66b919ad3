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
/** Families that {@link TYPE_PARAMETER} takes beside the types. */
export const EVENT_FAMILIES = ['file', 'peer', 'health', 'configuration'] as const
