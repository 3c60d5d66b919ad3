/** What a daemon that has died still waits for never comes; time passes while the disk works. */
import { withFaults } from '../../src/disk/faults.ts'
import type { DiskFault, FileSystem, Handle } from '../../src/disk/index.ts'
import type { Store } from '../../src/store/index.ts'

/** Of one daemon. */
export interface Alive {
  readonly alive: boolean
}

const never = (): Promise<never> => new Promise(() => {})

const guard = async <T>(life: Alive, work: () => Promise<T>): Promise<T> => {
  if (!life.alive) return never()
  try {
    const result = await work()
    return life.alive ? result : await never()
  } catch (error) {
    if (!life.alive) return never()
    throw error
  }
}

/** A file system as one daemon has it. */
export const fenceDisk = (
  fileSystem: FileSystem,
  init: { life: Alive; pause: () => Promise<void>; fault: () => DiskFault | undefined },
): FileSystem => {
  const { life, pause } = init
  const inner = withFaults(fileSystem, init.fault)
  const run = <T>(work: () => Promise<T>): Promise<T> => guard(life, work)
  const wrap = (handle: Handle): Handle => ({
    write: (parts) => run(() => handle.write(parts)),
    read: (into, position) => run(() => handle.read(into, position)),
    writeAt: (bytes, position) => run(() => handle.writeAt(bytes, position)),
    resize: (sizeBytes) => run(() => handle.resize(sizeBytes)),
    stat: () => run(() => handle.stat()),
    setMode: (mode) => run(() => handle.setMode(mode)),
    // The slow ones: everything else can happen meanwhile, also the end.
    sync: () => run(pause).then(() => run(() => handle.sync())),
    close: () => run(() => handle.close()),
  })
  return {
    realpath: (path) => run(() => inner.realpath(path)),
    open: (path) => run(async () => wrap(await inner.open(path))),
    openToWrite: (path) => run(async () => wrap(await inner.openToWrite(path))),
    openDirectory: (path) => run(async () => wrap(await inner.openDirectory(path))),
    create: (path) => run(async () => wrap(await inner.create(path))),
    stat: (path) => run(() => inner.stat(path)),
    rename: (from, to) => run(() => inner.rename(from, to)),
    link: (from, to) => run(() => inner.link(from, to)),
    unlink: (path) => run(() => inner.unlink(path)),
    makeDirectory: (path, mode) => run(() => inner.makeDirectory(path, mode)),
    removeDirectory: (path) => run(() => inner.removeDirectory(path)),
    freeBytes: (path) => run(() => inner.freeBytes(path)),
    list: (path) => run(() => inner.list(path)),
  }
}

/** A store as one daemon has it. */
export const fenceStore = (store: Store, life: Alive): Store => {
  const living = (): Store => {
    if (life.alive) return store
    throw new Error('a dead daemon reads its store')
  }
  return {
    get uncleanOpens() {
      return store.uncleanOpens
    },
    open: () => guard(life, () => store.open()),
    transaction: (work) => guard(life, () => store.transaction(work)),
    close: (options) => guard(life, () => store.close(options)),
    get: (table, key) => living().get(table, key),
    range: (table, range) => living().range(table, range),
    count: (table) => living().count(table),
  }
}
