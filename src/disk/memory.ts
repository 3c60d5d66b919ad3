import { createDisk } from './disk.ts'
import { withFaults } from './faults.ts'
import { createMemoryFileSystem } from './memory-file-system.ts'
import type { DiskFault } from './faults.ts'
import type { Disk } from './types.ts'

/** A disk in memory with the failures of a real one. */
export interface MemoryDisk extends Disk {
  /** Asked before every system call; `undefined` lets all through. */
  fault: DiskFault | undefined
  /**
   * The end of whoever used the disk. `synced` (the power fails): what was not synced is gone. `all`
   * (the process dies): everything written is still there. Open the disk again afterwards.
   */
  crash(keep: 'synced' | 'all'): void
  /** Flips the first bit of a file's content, without any trace. */
  rot(path: string): void
  /** What `freeBytes` answers. @default no end of them */
  free: number
}

/** The in-memory twin: the same code over a file system of maps, for tests and simulations. */
export const createMemoryDisk = (): MemoryDisk => {
  const fileSystem = createMemoryFileSystem()
  const disk: Disk = createDisk('/', { fileSystem: withFaults(fileSystem, () => memory.fault) })
  const memory: MemoryDisk = {
    fault: undefined,
    crash: (keep) => fileSystem.crash(keep),
    rot: (path) => fileSystem.rot(path),
    get free() {
      return fileSystem.free
    },
    set free(bytes) {
      fileSystem.free = bytes
    },
    root: 'memory:',
    open: () => disk.open(),
    stage: () => disk.stage(),
    read: (path, options) => disk.read(path, options),
    write: (path, bytes, options) => disk.write(path, bytes, options),
    add: (path, bytes) => disk.add(path, bytes),
    stream: (path, options) => disk.stream(path, options),
    openFile: (path) => disk.openFile(path),
    edit: (path, options) => disk.edit(path, options),
    freeBytes: () => disk.freeBytes(),
    stat: (path) => disk.stat(path),
    setMode: (path, mode) => disk.setMode(path, mode),
    rename: (from, to) => disk.rename(from, to),
    link: (from, to) => disk.link(from, to),
    remove: (path) => disk.remove(path),
    list: (directory) => disk.list(directory),
    survey: (directory) => disk.survey(directory),
  }
  return memory
}
