/** Least size of a chunk but the last. Stops lists of many tiny blocks, each of which costs a request. */
export const MIN_CHUNK_BYTES = 256 * 1024
/** What sizes gather around; a power of two. */
export const CHUNK_AVERAGE_BYTES = 1024 * 1024
/** Largest chunk. Stops blocks that cannot be checked before much was received. */
export const MAX_CHUNK_BYTES = 4 * 1024 * 1024
/** Bytes of one entry of a block list: digest and size. */
const ENTRY_BYTES = 36
const HEADER_BYTES = 6
/** A block list is a block itself. Stops lists that do not fit where blocks do. */
export const MAX_BLOCK_LIST_BYTES = MAX_CHUNK_BYTES
/** Most blocks of one content. Stops lists that cost more than what they describe. */
export const MAX_BLOCKS = Math.floor((MAX_BLOCK_LIST_BYTES - HEADER_BYTES) / ENTRY_BYTES)
/** Largest content that has a block list. Stops sums beyond what was thought through. */
export const MAX_LISTED_CONTENT_BYTES = 64 * 1024 ** 3
/** Smaller content has no block list: it moves whole, and its list would tell nothing more. */
export const MIN_LISTED_CONTENT_BYTES = 64 * 1024
