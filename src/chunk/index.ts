/**
 * Chunk: where a content is cut, and the list of its blocks.
 *
 * Promises: pure functions, no I/O; one content has one list on every machine, and an encoding is
 * taken only if it is the one we would write. It knows nothing of where blocks are kept or fetched.
 * See `docs/protocols/block-list.md`.
 *
 * @packageDocumentation
 */
export { blockListDigest, createBlockList, decodeBlockList } from './block-list.ts'
export { encodeBlockList } from './block-list.ts'
export { createChunker, createLister } from './chunker.ts'
export { CHUNK_AVERAGE_BYTES, MAX_BLOCK_LIST_BYTES, MAX_BLOCKS, MAX_CHUNK_BYTES } from './limits.ts'
export { MAX_LISTED_CONTENT_BYTES, MIN_CHUNK_BYTES, MIN_LISTED_CONTENT_BYTES } from './limits.ts'
export type { BlockList, BlockRef } from './block-list.ts'
export type { Chunked, Chunker, FoundBlock, Lister } from './chunker.ts'
