/** Certificates in `_mesh/certificates`. Bounds what a stolen network key can make every node read. */
export const MAX_LISTED_CERTIFICATES = 4096
/** Size of `_mesh/certificates`: as many certificates of 1 KiB. */
export const MAX_CERTIFICATES_FILE_BYTES = MAX_LISTED_CERTIFICATES * 2 ** 10 + 128
/** Entries in `_mesh/revoked`. Bounds memory, and the work of each reading. */
export const MAX_REVOKED_KEYS = 4096
/** Size of `_mesh/revoked`: as many lines at their longest. */
export const MAX_REVOKED_FILE_BYTES = MAX_REVOKED_KEYS * 192 + 128
/** Size of `_mesh/heartbeat`: four short lines. */
export const MAX_HEARTBEAT_BYTES = 256
