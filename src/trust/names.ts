import { parseFileName } from '../statement/index.ts'
import {
  MAX_CERTIFICATES_FILE_BYTES,
  MAX_HEARTBEAT_BYTES,
  MAX_REVOKED_FILE_BYTES,
} from './limits.ts'
import type { FileName } from '../statement/index.ts'

/** Current certificates of nodes, for those that cannot be reached with a file. */
export const CERTIFICATES_FILE = parseFileName('_mesh/certificates')
/** Keys, and certificates of keys, that have lost their right. */
export const REVOKED_FILE = parseFileName('_mesh/revoked')
/** Expires, so that who hears nothing more knows it. */
export const HEARTBEAT_FILE = parseFileName('_mesh/heartbeat')

/** The files that every node of a network with network keys wants, signed by one of these. */
export const trustFiles: readonly { readonly name: FileName; readonly maxSizeBytes: number }[] = [
  { name: CERTIFICATES_FILE, maxSizeBytes: MAX_CERTIFICATES_FILE_BYTES },
  { name: HEARTBEAT_FILE, maxSizeBytes: MAX_HEARTBEAT_BYTES },
  { name: REVOKED_FILE, maxSizeBytes: MAX_REVOKED_FILE_BYTES },
]
