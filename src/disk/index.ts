/**
 * Disk: files that are complete or absent, inside one directory.
 *
 * Promises: `write` and `commit` return when the bytes and the name are durable (write, fsync,
 * rename, fsync of the directory); a crash leaves the old file or the new one and never a mixture;
 * no path leads outside the root, not through links either. What a crash leaves in `tmp/` is removed
 * when the disk is opened. A full disk is `ERR_DISK_FULL`, anything else that the system refuses
 * `ERR_STATE_UNUSABLE`.
 *
 * @packageDocumentation
 */
export { createDisk } from './disk.ts'
export { localFiles } from './local.ts'
export { lockStateDirectory } from './lock.ts'
export { createMemoryDisk } from './memory.ts'
export type { DiskInit } from './disk.ts'
export type { DiskFault, DiskOperation } from './faults.ts'
export type { FileSystem, Handle, NodeKind, NodeStat } from './file-system.ts'
export type { LocalFiles } from './local.ts'
export type { StateLock } from './lock.ts'
export type { MemoryDisk } from './memory.ts'
export type { Disk, FileStat, OpenedFile, StagedFile, WorkFile } from './types.ts'
