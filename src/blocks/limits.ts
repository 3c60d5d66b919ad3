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
/** After this time a request for a cached block counts half: what was wanted once makes way. */
export const HEAT_HALF_LIFE_MS = 30 * 60_000
/** How full the cache is after blocks had to go, in hundredths: so that not every block costs another. */
export const CACHE_LOW_WATER_PERCENT = 90
/** How long a block stays that nobody keeps any more: whoever is about to keep it again finds it. */
export const GC_DELAY_MS = 3_600_000
/** Between two collections. */
export const GC_INTERVAL_MS = 600_000
/** Between two searches for files that no row speaks of, which a crash may leave. */
export const STRAY_SEARCH_INTERVAL_MS = 86_400_000
/** How long a content that was not put together to its end stays to be gone on with. */
export const ABANDONED_ASSEMBLY_MS = 7 * 86_400_000
/** Damaged blocks that are kept to be looked at. Stops a dying disk from filling itself. */
export const MAX_DAMAGED_FILES = 16
/** Lists that are remembered because they do not make the content that was signed with them. Stops a signer's ever-new ones. */
export const MAX_MISFITS = 1000
/** Bytes that scrub checks in one go, before it waits. */
export const SCRUB_STEP_BYTES = 8 * 2 ** 20
/** Bytes that scrub checks a second, unless configured otherwise: 1 TiB in three days. */
export const DEFAULT_SCRUB_BYTES_PER_SECOND = 4 * 2 ** 20
/** From the end of one scrub of everything to the beginning of the next. */
export const SCRUB_INTERVAL_MS = 7 * 86_400_000
/** Blocks that a start checks after a crash. Bounds how long it waits for the disk. */
export const START_CHECK_BLOCKS = 64
/** Bytes that a start checks after a crash. */
export const START_CHECK_BYTES = 32 * 2 ** 20
/**
 * Entries in the heap of the cache, beside one for each cached block and one for each that was; then it is
 * made anew. Bounds what reading the same blocks again and again makes us remember.
 */
export const MAX_LEFT_OVER = 1_024
/** Above this count, blocks are not counted anew at start. Bounds how long everybody else waits. */
export const MAX_RECOUNTED_BLOCKS = 250_000
