/** Largest block. Stops blocks that cannot be checked before much was received. */
export const MAX_BLOCK_BYTES = 4 * 2 ** 20
/** Larger blocks are files, others lie in the database. Stops a file for every crumb. */
export const MAX_INLINE_BLOCK_BYTES = 16 * 2 ** 10
/** Longest text of an owner: kind, name of a file, digest. Bounds keys of the database. */
export const MAX_OWNER_BYTES = 1200
/** What a block counts in the cache at least. Stops a cache of so many small blocks that they fill the memory. */
export const MIN_CACHED_BLOCK_BYTES = 4 * 2 ** 10
/** Places of one block that are tried before it counts as absent. Bounds one read of a common block. */
export const MAX_READ_PLACES = 8
/** Entries of the database that one transaction changes. Bounds how long everything else waits for it. */
export const MAX_ENTRIES_PER_TRANSACTION = 1000
/** Room for blocks that nobody keeps, unless configured otherwise. */
export const DEFAULT_CACHE_BYTES = 2 ** 30
/** Room for all blocks, unless configured otherwise. Stops blocks from filling the disk. */
export const DEFAULT_QUOTA_BYTES = 16 * 2 ** 30
