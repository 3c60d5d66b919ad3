import { checkPath } from './paths.ts'
import type { Handle } from './file-system.ts'
import type { StagedFile } from './types.ts'

/** What a staged file needs of the tree it is in. */
export interface StagingTree {
  /** Runs `work` and turns a system error into ours. */
  doing<T>(what: string, path: string, work: () => Promise<T>): Promise<T>
  /** Renames durably, making directories as needed. */
  place(from: string, to: string): Promise<void>
  /** Removes what may be gone already. */
  unlink(path: string): Promise<void>
}

/** A file that is being written under the temporary name `path`. */
export const createStagedFile = (tree: StagingTree, path: string, handle: Handle): StagedFile => {
  let state: 'open' | 'closed' | 'done' = 'open'
  let sizeBytes = 0
  /** Mode with which all bytes are on the disk. */
  let flushed: number | undefined

  const close = async (): Promise<void> => {
    if (state !== 'open') return
    state = 'closed'
    await handle.close()
  }

  const openHandle = (): Handle => {
    if (state !== 'open') throw new Error('the file was committed or discarded before')
    return handle
  }

  const flush = async (mode: number): Promise<void> => {
    await openHandle().setMode(mode)
    await openHandle().sync()
    flushed = mode
  }

  return {
    get sizeBytes() {
      return sizeBytes
    },
    write: (chunk) =>
      tree.doing('write', path, async () => {
        flushed = undefined
        for (let at = 0; at < chunk.length; ) {
          const count = await openHandle().write(chunk.subarray(at))
          at += count
          sizeBytes += count
        }
      }),
    flush: ({ mode }) => tree.doing('write', path, () => flush(mode)),
    commit: (to, { mode }) =>
      tree.doing('write', checkPath(to), async () => {
        if (flushed !== mode) await flush(mode)
        await close()
        await tree.place(path, to)
        state = 'done'
      }),
    discard: () =>
      tree.doing('remove', path, async () => {
        if (state === 'done') return
        await close()
        state = 'done'
        await tree.unlink(path)
      }),
  }
}
