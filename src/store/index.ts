/**
 * Store: durable tables of bytes with transactions.
 *
 * Promises: a transaction is all or nothing, and durable when its promise resolves; readers see
 * committed data only; the store's format has a version and a chain of migrations, and a store from
 * the future is refused (`ERR_STATE_NEWER`), a damaged one reported (`ERR_STATE_CORRUPT`).
 * The LMDB store and its in-memory twin pass the same contract suite. LMDB leaves its data file open to
 * programs that are run: whoever runs one gives it {@link createBlinds}.
 *
 * @packageDocumentation
 */
export { createBlinds } from './descriptors.ts'
export type { Blinds } from './descriptors.ts'
export { createLmdbStore } from './lmdb.ts'
export { createMemoryStore } from './memory.ts'
export { MAX_KEY_BYTES, table } from './table.ts'
export type { LmdbStoreComponents, LmdbStoreInit } from './lmdb.ts'
export type { MemoryStore, MemoryStoreInit, StoreFault } from './memory.ts'
export type { Migration } from './migrations.ts'
export type { Entry, Range, Reader, Store, Table, Transaction } from './types.ts'
