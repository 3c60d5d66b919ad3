import { join } from 'node:path'
import { hasSystemCode, isAbsent } from './failure.ts'
import { parentOf } from './paths.ts'
import type { FileSystem, Handle } from './file-system.ts'

/** Mode of directories that other users of the machine may enter, and of all others. */
const PUBLIC_MODE = 0o755
const PRIVATE_MODE = 0o700

/** Makes, checks, syncs and prunes the directories below one root. */
export interface Directories {
  /** Absolute path of a directory that is really there, links excluded. */
  enter(directory: string): Promise<string>
  /** The same, made first where it is missing. */
  make(directory: string): Promise<string>
  /** Makes the entries of a directory durable. Callers that come together share one fsync. */
  sync(directory: string): Promise<void>
  /** Removes a directory below the top level, and its parents, as long as they are empty. */
  prune(directory: string): Promise<void>
}

const linkError = (path: string): Error =>
  Object.assign(new Error(`a link leads from ${path} elsewhere`), { code: 'ELOOP' })

/**
 * A link in the tree is refused wherever it is. This guards against links that are there, not
 * against a process of the same user that swaps directories at the same moment: such a process
 * could write to the files anyway.
 */
export const createDirectories = (
  fileSystem: FileSystem,
  root: string,
  isPublic: (directory: string) => boolean,
): Directories => {
  const absolute = (directory: string): string => join(root, directory)
  const making = new Map<string, Promise<string>>()
  /** Made, and not known to outlast a power cut. */
  const unsynced = new Set<string>()
  const waiting = new Map<string, Promise<void>>()
  const running = new Map<string, Promise<void>>()

  const enter = async (directory: string): Promise<string> => {
    const path = absolute(directory)
    if ((await fileSystem.realpath(path)) !== path) throw linkError(path)
    return path
  }

  const syncNow = async (directory: string): Promise<void> => {
    let handle: Handle
    try {
      handle = await fileSystem.openDirectory(absolute(directory))
    } catch (error) {
      if (!isAbsent(error) || directory === '') throw error
      // A neighbour pruned it; what has to last then is that its parent no longer has it.
      return sync(parentOf(directory))
    }
    await handle.sync().finally(() => handle.close())
  }

  const sync = (directory: string): Promise<void> => {
    // An fsync that has begun may have missed our entry; one that has not begun will include it.
    const joined = waiting.get(directory)
    if (joined !== undefined) return joined
    const before = running.get(directory) ?? Promise.resolve()
    const started = before
      .catch(() => {})
      .then(() => {
        waiting.delete(directory)
        running.set(directory, started)
        return syncNow(directory)
      })
      .finally(() => {
        if (running.get(directory) === started) running.delete(directory)
      })
    waiting.set(directory, started)
    return started
  }

  /** What is made for one is for nobody to be used before it is durable, nor after that has failed. */
  const syncEntry = async (directory: string): Promise<void> => {
    if (!unsynced.has(directory)) return
    await sync(parentOf(directory))
    unsynced.delete(directory)
  }

  const make = (directory: string): Promise<string> => {
    const joined = making.get(directory)
    if (joined !== undefined) return joined
    const made = makeNow(directory).finally(() => making.delete(directory))
    making.set(directory, made)
    return made
  }

  const makeNow = async (directory: string): Promise<string> => {
    try {
      const path = await enter(directory)
      await syncEntry(directory)
      return path
    } catch (error) {
      if (!hasSystemCode(error, 'ENOENT') || directory === '') throw error
    }
    await make(parentOf(directory))
    const mode = isPublic(directory) ? PUBLIC_MODE : PRIVATE_MODE
    try {
      await fileSystem.makeDirectory(absolute(directory), mode)
    } catch (error) {
      if (!hasSystemCode(error, 'EEXIST')) throw error
      return enter(directory)
    }
    unsynced.add(directory)
    if (mode === PUBLIC_MODE) {
      // The process's umask may have taken bits away that consumers of the files need.
      const handle = await fileSystem.openDirectory(absolute(directory))
      await handle.setMode(mode).finally(() => handle.close())
    }
    await syncEntry(directory)
    return enter(directory)
  }

  const prune = async (directory: string): Promise<void> => {
    if (!directory.includes('/')) return
    try {
      await fileSystem.removeDirectory(absolute(directory))
    } catch (error) {
      if (hasSystemCode(error, 'ENOTEMPTY', 'EEXIST') || isAbsent(error)) return
      throw error
    }
    unsynced.delete(directory)
    await sync(parentOf(directory))
    await prune(parentOf(directory))
  }

  return { enter, make, sync, prune }
}
