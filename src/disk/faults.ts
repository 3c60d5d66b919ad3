import type { FileSystem, Handle } from './file-system.ts'

/** A system call that is about to be made. */
export interface DiskOperation {
  readonly kind:
    | 'create'
    | 'write'
    | 'read'
    | 'resize'
    | 'sync'
    | 'sync-directory'
    | 'set-mode'
    | 'rename'
    | 'link'
    | 'unlink'
    | 'make-directory'
    | 'remove-directory'
  /** Absolute; of a rename or link the old one. */
  readonly path: string
  /** Counts all calls from 1. */
  readonly index: number
}

/** Says with which system code (`ENOSPC`, `EIO`) a call shall fail; `undefined` lets it through. */
export type DiskFault = (operation: DiskOperation) => string | undefined

/** A file system whose calls fail when `fault` says so, before they have any effect. */
export const withFaults = (
  fileSystem: FileSystem,
  fault: () => DiskFault | undefined,
): FileSystem => {
  let index = 0
  const before = (kind: DiskOperation['kind'], path: string): void => {
    const code = fault()?.({ kind, path, index: ++index })
    if (code !== undefined) {
      throw Object.assign(new Error(`${code}: injected into ${kind} ${path}`), { code })
    }
  }
  const wrap = (path: string, handle: Handle, sync: 'sync' | 'sync-directory'): Handle => ({
    async write(parts) {
      before('write', path)
      return handle.write(parts)
    },
    async read(into, position) {
      before('read', path)
      return handle.read(into, position)
    },
    async writeAt(bytes, position) {
      before('write', path)
      return handle.writeAt(bytes, position)
    },
    async resize(sizeBytes) {
      before('resize', path)
      await handle.resize(sizeBytes)
    },
    stat: () => handle.stat(),
    async setMode(mode) {
      before('set-mode', path)
      await handle.setMode(mode)
    },
    async sync() {
      before(sync, path)
      await handle.sync()
    },
    close: () => handle.close(),
  })
  return {
    realpath: (path) => fileSystem.realpath(path),
    open: async (path) => wrap(path, await fileSystem.open(path), 'sync'),
    openToWrite: async (path) => wrap(path, await fileSystem.openToWrite(path), 'sync'),
    openDirectory: async (path) =>
      wrap(path, await fileSystem.openDirectory(path), 'sync-directory'),
    async create(path) {
      before('create', path)
      return wrap(path, await fileSystem.create(path), 'sync')
    },
    stat: (path) => fileSystem.stat(path),
    async rename(from, to) {
      before('rename', from)
      await fileSystem.rename(from, to)
    },
    async link(from, to) {
      before('link', from)
      await fileSystem.link(from, to)
    },
    async unlink(path) {
      before('unlink', path)
      await fileSystem.unlink(path)
    },
    async makeDirectory(path, mode) {
      before('make-directory', path)
      await fileSystem.makeDirectory(path, mode)
    },
    async removeDirectory(path) {
      before('remove-directory', path)
      await fileSystem.removeDirectory(path)
    },
    freeBytes: (path) => fileSystem.freeBytes(path),
    list: (path) => fileSystem.list(path),
  }
}
