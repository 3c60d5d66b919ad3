/**
 * Feed: what happens on this node, as a stream that a reader can leave and come back to.
 *
 * Promises: events are held in rings of a fixed count and size, one for whoever may see everything and
 * one for the others, with cursors of their own, so that nothing about hidden events can be told from
 * the public ones; a reader holds a place and nothing else, so a slow one costs no memory; whoever
 * comes too late is told so by a gap, whatever was missed. Events are a hint to look, not a record:
 * what is true stands in the catalogue.
 *
 * @packageDocumentation
 */
export { createFeed } from './feed.ts'
export { parseCursor } from './cursor.ts'
export type { Audience, Batch, Feed, FeedReader, NewEvent, ReadInit, Told } from './types.ts'
