/** Events that are held for readers, in each of two rings. Bounds memory whatever happens. */
export const MAX_EVENTS_HELD = 10_000
/** Their size in each ring, as JSON. The same, for long ones. */
export const MAX_EVENTS_HELD_BYTES = 8 * 2 ** 20
/** Readers of each ring. Stops readers from using up connections and the work of waking them. */
export const MAX_EVENT_READERS = 64
/** Names, patterns and types that one reader may ask for. Bounds the work for each event. */
export const MAX_EVENT_FILTERS = 64
/** Events that a reader looks at in one turn. Lets others have theirs, however little it wants. */
export const MAX_EVENTS_PER_TURN = 1_000
/**
 * Refusals that are told a second; a burst may have ten times as many, the rest are counted. Stops
 * peers from flushing the ring with statements that nobody accepts.
 */
export const MAX_REFUSALS_TOLD_PER_SECOND = 10
