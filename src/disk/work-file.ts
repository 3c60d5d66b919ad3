import { createEarlySync } from './early-sync.ts'
import type { Handle } from './file-system.ts'
import type { WorkFile } from './types.ts'

/** Up to `length` bytes from `start`, in as many reads as the system needs. */
export const readAt = async (
  handle: Handle,
  { start, length, into }: { start: number; length: number; into?: Uint8Array | undefined },
): Promise<Uint8Array> => {
  const count = Math.max(0, length)
  const bytes =
    into === undefined || into.length < count ? Buffer.allocUnsafe(count) : into.subarray(0, count)
  for (let at = 0; at < bytes.length; ) {
    const readBytes = await handle.read(bytes.subarray(at), start + at)
    if (readBytes === 0) return bytes.subarray(0, at)
    at += readBytes
  }
  return bytes
}

/** Runs `work` and turns a system error into ours. */
type Doing = <T>(what: string, work: () => Promise<T>) => Promise<T>

/** A file at `path` that is written in any order. */
export const createWorkFile = (withSystem: Doing, path: string, handle: Handle): WorkFile => {
  const early = createEarlySync(handle)
  let isClosed = false
  let hasFailed = false
  const doing: Doing = async (what, work) => {
    try {
      return await withSystem(what, work)
    } catch (error) {
      // Whoever comes when it is closed finds nothing, which is not the disk's fault.
      if (!isClosed) hasFailed = true
      throw error
    }
  }
  const open = (): Handle => {
    if (isClosed) throw new Error('the file was closed before')
    return handle
  }
  return {
    path,
    get hasFailed() {
      return hasFailed
    },
    read: (start, length, into) => doing('read', () => readAt(open(), { start, length, into })),
    write: (bytes, start) =>
      doing('write', async () => {
        for (let at = 0; at < bytes.length; ) {
          const count = await open().writeAt(bytes.subarray(at), start + at)
          early.wrote(count)
          at += count
        }
      }),
    sync: () =>
      doing('write', async () => {
        await early.settled()
        await open().sync()
      }),
    setMode: (mode) =>
      doing('change the mode of', async () => {
        await early.settled()
        await open().setMode(mode)
        await open().sync()
      }),
    async close() {
      if (isClosed) return
      isClosed = true
      await early.settled().catch(() => {
        hasFailed = true
      })
      await handle.close()
    },
  }
}
