/** Cells of one answer of GET /spread, so that neither many files nor many peers make it long. */
export const MAX_SPREAD_CELLS = 8_192
/** Peers that it tells of, those connected first. */
export const MAX_SPREAD_PEERS = 256
/** Names whose last versions are remembered for it. Bounds what files that change make us remember. */
export const MAX_SPREAD_NAMES = 10_000
/** Versions that are remembered of each. */
export const MAX_SPREAD_VERSIONS = 8
/** Peers that metrics name, the latest at fault: each is a series, and a crowd must not make thousands. */
export const MAX_NAMED_PEERS = 32
/** A call to the service manager that takes longer is given up: it is busy or away. */
export const NOTIFY_TIMEOUT_MS = 5_000
/** Longest status text for the service manager; it is one line of `systemctl status`. */
export const MAX_STATUS_CHARACTERS = 1_000
