/** Uploads may be this far ahead of our clock. Stops a fast clock from making later versions lose ties. */
export const MAX_TIME_AHEAD_MS = 5 * 60_000
/** Versions an upload may skip without force. Stops one slip of a finger from using the numbers up. */
export const MAX_VERSION_JUMP = 1000
/** Versions of a file whose statements and content are kept. Bounds store and disk per name. */
export const DEFAULT_HISTORY_COUNT = 5
/** Most versions of a file that a configuration may ask to keep. Bounds store and disk per name. */
export const MAX_HISTORY_COUNT = 100
/** Expiries that one set of signers may have statements of, where only delete signers set it. */
export const MAX_EXPIRIES_PER_SIGNER_SET = 4
/** How long content of a name stays that is not configured any more: until a slip is noticed. */
export const WITHDRAWN_CONTENT_MS = 24 * 3_600_000
/** Refused statements of one name that `explain` tells of. Bounds what strangers make us remember. */
export const MAX_REFUSALS_PER_NAME = 4
/** Names with remembered refusals. Bounds what strangers make us remember. */
export const MAX_NAMES_WITH_REFUSALS = 1000
/** Names that one signer may use under a pattern, unless `max_files` says otherwise. */
export const DEFAULT_MAX_FILES = 1000
/**
 * Largest content whose statement has no block list. It moves as a whole from one node at a time, and a
 * wrong byte is noticed only at its end.
 */
export const MAX_WHOLE_CONTENT_BYTES = 64 * 2 ** 20
/** Between two looks at the clock and at what could not be published; below a minute by design. */
export const UPKEEP_INTERVAL_MS = 50_000
/** Wait before a publication that the disk refused is tried again. */
export const RETRY_DELAY_MS = 5_000
/** Names that are worked on side by side at start and on reload. Bounds open files. */
export const MAX_NAMES_AT_ONCE = 16
/** Between two checks of the tree of hashes, the first of which comes right after the start. */
export const TREE_CHECK_INTERVAL_MS = 86_400_000
/** Entries that are read from the store at a time while a table is walked. */
export const PAGE_ENTRIES = 500
/** Longest fingerprint of a file in the store. */
export const MAX_FINGERPRINT_BYTES = 256
/** Records of one name in the store: one a signer at most, so this many signers for one name. */
export const MAX_RECORDS_PER_NAME = 4096
/** From this count of deaths in a row on, the store is checked and the files beside it are read. */
export const REBUILD_AFTER_UNCLEAN_OPENS = 2
/** Signers of a pattern whose use of it is explained, those with most names. Bounds an answer. */
export const MAX_USES_EXPLAINED = 16
