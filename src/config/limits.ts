/** Words of a command that runs when a file changes. Bounds what is handed to the system. */
export const MAX_HOOK_WORDS = 64
/** Longest `dm.toml`. Stops a wrong path (a disk image, a pipe) from filling memory. */
export const MAX_CONFIG_BYTES = 16 * 2 ** 20
/** Most file names one node is configured for. Bounds memory and the list told to peers. */
export const MAX_FILES = 100_000
/** Most signers of one file. Each allowed signer's greatest statement is kept for ever. */
export const MAX_SIGNERS_PER_FILE = 256
/** Signatures that a threshold may ask for, and keys of a file that has one or delete signers. */
export const MAX_THRESHOLD_SIGNERS = 16
/**
 * Sets of signers that may suffice for one file, as 252 for 5 of 10: for each of them the greatest
 * statement is kept for ever.
 */
export const MAX_SIGNER_SETS = 1_000
/** Most names of one signer under one pattern. Bounds the store against a stolen key. */
export const MAX_FILES_PER_PATTERN = 1_000_000
/** Names of one signer under one pattern, unless `max_files` says otherwise. */
export const DEFAULT_FILES_PER_PATTERN = 1000
/** Most versions whose content is kept. Bounds the disk against a slip of a finger. */
export const MAX_HISTORY = 100
/** Least bandwidth that content may be held to. Below it, peers would take this node for a dead one. */
export const MIN_RATE_BYTES_PER_SECOND = 16 * 2 ** 10
/** Most network keys. Each certificate is checked against all of them. */
export const MAX_NETWORK_KEYS = 16
/** Most entries of any other list. Stops a generated file from opening thousands of listeners. */
export const MAX_LIST_ITEMS = 1_000
/** Longest private key, pre-shared key or certificate file that is read. */
export const MAX_SECRET_BYTES = 64 * 2 ** 10
/** Deepest nesting of arrays and inline tables in `dm.toml`. Protects the parser's stack. */
export const MAX_TOML_DEPTH = 32
/**
 * Problems that are looked for in one table. Stops a generated file from keeping a daemon that is asked
 * about it (`config check --running`) from everything else for minutes.
 */
export const MAX_PROBLEMS_OF_TABLE = 1_000
/** Problems that a message spells out; the list itself goes on to {@link MAX_PROBLEMS_OF_TABLE}. */
export const MAX_PROBLEMS_SHOWN = 50
