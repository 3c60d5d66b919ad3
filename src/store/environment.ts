import { open } from 'lmdb'
import type { Database, RootDatabase } from 'lmdb'

export type Environment = RootDatabase<Buffer, Uint8Array>
export type SubDatabase = Database<Buffer, Uint8Array>

const BINARY = { encoding: 'binary', keyEncoding: 'binary', cache: false } as const
/** Above the number of tables that mesh will ever have. */
const MAX_TABLES = 64

/**
 * Opens LMDB. Two options are switched off on purpose (measured with 3.5.6): with `overlappingSync`
 * a failed commit leaves a promise that never settles, so that `close` hangs; with
 * `eventTurnBatching` it leaves one that rejects with nobody to catch it, which ends the process.
 * Without both, a promise resolves once its transaction is on the disk, and transactions that come
 * together still share one fsync.
 */
export const openEnvironment = (path: string): Environment =>
  open<Buffer, Uint8Array>({
    ...BINARY,
    path,
    noSubdir: false,
    maxDbs: MAX_TABLES,
    overlappingSync: false,
    eventTurnBatching: false,
  })

export const openSubDatabase = (environment: Environment, name: string): SubDatabase =>
  environment.openDB<Buffer, Uint8Array>(name, BINARY)
