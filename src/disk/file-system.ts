import { constants } from 'node:fs'
import {
  link,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rmdir,
  statfs,
  unlink,
} from 'node:fs/promises'
import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

/** What kind of thing a path names; links are never followed. */
export type NodeKind = 'file' | 'directory' | 'other'

/** What the system knows about one file or directory. */
export interface NodeStat {
  readonly kind: NodeKind
  readonly sizeBytes: number
  /** Inode, size and times. */
  readonly fingerprint: string
}

/** An open file or directory. */
export interface Handle {
  /** Appends these, one behind the other; resolves with the count of bytes taken, which may be fewer. */
  write(parts: readonly Uint8Array[]): Promise<number>
  /** Fills `into` from `position`; resolves with the count of bytes read, 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes at `position`, whatever is there; resolves with the count of bytes taken. */
  writeAt(bytes: Uint8Array, position: number): Promise<number>
  /** Cuts the file off or fills it up with zeros, which take no room until they are written over. */
  resize(sizeBytes: number): Promise<void>
  stat(): Promise<NodeStat>
  setMode(mode: number): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * The system calls that a disk is made of, with absolute paths. The disk is written once on top of
 * it, so that a simulation sees its real order of write, fsync and rename. Failures are errors with
 * a system code (`ENOENT`, `ENOSPC`).
 */
export interface FileSystem {
  /** The path without any links. */
  realpath(path: string): Promise<string>
  /** Opens a file that is there. Never follows a link, never waits for a pipe. */
  open(path: string): Promise<Handle>
  openDirectory(path: string): Promise<Handle>
  /** Opens a file that is there to be read and written. Never follows a link, never waits for a pipe. */
  openToWrite(path: string): Promise<Handle>
  /** Makes a new file, for this user only. */
  create(path: string): Promise<Handle>
  stat(path: string): Promise<NodeStat>
  rename(from: string, to: string): Promise<void>
  /** A second name for the same file. */
  link(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  makeDirectory(path: string, mode: number): Promise<void>
  removeDirectory(path: string): Promise<void>
  /** Bytes that this user may still write where `path` lies. */
  freeBytes(path: string): Promise<number>
  list(path: string): Promise<readonly { readonly name: string; readonly kind: NodeKind }[]>
}

const kindOf = (node: { isFile(): boolean; isDirectory(): boolean }): NodeKind =>
  node.isFile() ? 'file' : node.isDirectory() ? 'directory' : 'other'

const describe = (stats: BigIntStats): NodeStat => ({
  kind: kindOf(stats),
  sizeBytes: Number(stats.size),
  fingerprint: [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs]
    .map((part) => part.toString(36))
    .join('.'),
})

const wrap = (handle: FileHandle): Handle => ({
  write: async (parts) => (await handle.writev(parts)).bytesWritten,
  read: async (into, position) => (await handle.read(into, 0, into.length, position)).bytesRead,
  writeAt: async (bytes, position) =>
    (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
  resize: (sizeBytes) => handle.truncate(sizeBytes),
  stat: async () => describe(await handle.stat({ bigint: true })),
  setMode: (mode) => handle.chmod(mode),
  sync: () => handle.sync(),
  close: () => handle.close(),
})

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants

/** The machine's own. */
export const systemFileSystem: FileSystem = {
  realpath: (path) => realpath(path),
  open: async (path) => wrap(await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)),
  openDirectory: async (path) => wrap(await open(path, O_RDONLY | O_NOFOLLOW | O_DIRECTORY)),
  openToWrite: async (path) => wrap(await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK)),
  create: async (path) => wrap(await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)),
  stat: async (path) => describe(await lstat(path, { bigint: true })),
  rename,
  link,
  unlink,
  async makeDirectory(path, mode) {
    await mkdir(path, { mode })
  },
  removeDirectory: (path) => rmdir(path),
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  },
  list: async (path) =>
    (await readdir(path, { withFileTypes: true })).map((entry) => ({
      name: entry.name,
      kind: kindOf(entry),
    })),
}
