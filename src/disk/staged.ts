import { createEarlySync } from './early-sync.ts'
import { checkPath } from './paths.ts'
import type { Handle } from './file-system.ts'
import type { StagedFile } from './types.ts'

/** What may wait to be written. Stops a fast source from filling the memory while the disk is slow. */
export const MAX_UNWRITTEN_BYTES = 2 ** 20

/** What a staged file needs of the tree it is in. */
export interface StagingTree {
  /** Runs `work` and turns a system error into ours. */
  doing<T>(what: string, path: string, work: () => Promise<T>): Promise<T>
  /** Renames durably, making directories as needed. */
  place(from: string, to: string): Promise<void>
  /** Removes what may be gone already. */
  unlink(path: string): Promise<void>
}

/** Appends what it is given while whoever gives it goes on; what has gathered goes in one call. */
const createAppender = (handle: Handle) => {
  const early = createEarlySync(handle)
  let parts: Uint8Array[] = []
  let unwrittenBytes = 0
  let running: Promise<void> | undefined
  let failed: { readonly error: unknown } | undefined
  /** Writers that wait for room. */
  let waiting: (() => void)[] = []

  const wakeAll = (): void => {
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }

  /** Until everything is written, also what comes meanwhile. */
  const run = async (): Promise<void> => {
    try {
      while (parts.length > 0) {
        const batch = parts
        parts = []
        const count = await handle.write(batch)
        unwrittenBytes -= count
        parts = [...rest(batch, count), ...parts]
        early.wrote(count)
        wakeAll()
      }
    } catch (error) {
      failed = { error }
      wakeAll()
    }
    // In the same moment as the last look for more: what comes a moment later finds nobody at work.
    running = undefined
  }
  const check = (): void => {
    if (failed !== undefined) throw failed.error
  }

  return {
    async append(bytes: Uint8Array): Promise<void> {
      check()
      if (bytes.length === 0) return
      parts.push(bytes)
      unwrittenBytes += bytes.length
      running ??= run()
      while (unwrittenBytes > MAX_UNWRITTEN_BYTES && failed === undefined) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
        })
      }
      check()
    },
    /** Resolves when the system has taken everything. */
    async drained(): Promise<void> {
      await running
      check()
      await early.settled()
    },
    /** Resolves when nothing is under way, however that ended; who still waits to write is told. */
    async ended(): Promise<void> {
      parts = []
      failed ??= { error: new Error('the file was committed or discarded before') }
      wakeAll()
      await running
      await early.settled().catch(() => {})
    },
  }
}

/** What is left of them behind the first `count` bytes. */
const rest = (parts: readonly Uint8Array[], count: number): Uint8Array[] => {
  let left = count
  const after: Uint8Array[] = []
  for (const part of parts) {
    const taken = Math.min(left, part.length)
    left -= taken
    if (taken < part.length) after.push(part.subarray(taken))
  }
  return after
}

/** A file that is being written under the temporary name `path`. */
export const createStagedFile = (tree: StagingTree, path: string, handle: Handle): StagedFile => {
  let state: 'open' | 'closed' | 'done' = 'open'
  let sizeBytes = 0
  /** Mode with which all bytes are on the disk. */
  let flushed: number | undefined
  const appender = createAppender(handle)

  const close = async (): Promise<void> => {
    if (state !== 'open') return
    state = 'closed'
    await appender.ended()
    await handle.close()
  }

  const openHandle = (): Handle => {
    if (state !== 'open') throw new Error('the file was committed or discarded before')
    return handle
  }

  const flush = async (mode: number): Promise<void> => {
    const open = openHandle()
    await appender.drained()
    await open.setMode(mode)
    await open.sync()
    flushed = mode
  }

  return {
    get sizeBytes() {
      return sizeBytes
    },
    write: (chunk) =>
      tree.doing('write', path, async () => {
        openHandle()
        flushed = undefined
        sizeBytes += chunk.length
        await appender.append(chunk)
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
