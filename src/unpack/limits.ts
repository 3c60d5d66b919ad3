/** Most entries of a tar, directories that it only implies included. Stops using up the inodes of a disk: an empty file costs 512 bytes of tar. */
export const MAX_TREE_ENTRIES = 20_000
/** Most directories above an entry. Stops trees that no program can walk or remove. */
export const MAX_TREE_DEPTH = 32
/** Longest path of an entry. Stops paths that other programs cannot open. */
export const MAX_TREE_PATH_BYTES = 1024
/** Longest part of a path, as file systems have it. */
export const MAX_TREE_NAME_BYTES = 255
/** Longest extended header (PAX, GNU long name). Stops headers that are held in memory and have no end. */
export const MAX_TREE_HEADER_BYTES = 16 * 2 ** 10
/** How long a replaced tree stays for whoever is reading it. */
export const TREE_GRACE_MS = 60_000
/** How soon what the disk refused is tried again. */
export const TREE_RETRY_MS = 30_000
/** From the end of one look at all trees to the next; there is one after each start, too. */
export const TREE_VERIFY_INTERVAL_MS = 7 * 86_400_000
/** Bytes of tars that are held against their trees in one go, before it waits. Lets other readers of the disk have their turn. */
export const TREE_VERIFY_STEP_BYTES = 2 ** 20
