import { open, readdir } from 'node:fs/promises'
import { MAX_ENVIRONMENT_BYTES, MAX_KILL_ROUNDS } from './limits.ts'

/** Of the environment of a run: what the run has started carries it on. */
export const RUN_VARIABLE = 'MESH_HOOK_RUN'

/** Whether a process has the mark in the environment that it was started with. */
const isMarked = async (pid: string, mark: Buffer): Promise<boolean> => {
  const file = await open(`/proc/${pid}/environ`).catch(() => undefined)
  try {
    const buffer = Buffer.allocUnsafe(MAX_ENVIRONMENT_BYTES)
    const read = await file?.read(buffer, 0, buffer.length, 0)
    return read !== undefined && buffer.subarray(0, read.bytesRead).includes(mark)
  } catch {
    // It has ended, or is another user's.
    return false
  } finally {
    await file?.close()
  }
}

const findMarked = async (mark: Buffer): Promise<number[]> => {
  const all = await readdir('/proc').catch(() => [])
  const found: number[] = []
  for (const pid of all) {
    if (/^\d+$/.test(pid) && (await isMarked(pid, mark))) found.push(Number(pid))
  }
  return found
}

/**
 * Ends what a run has left, wherever it is by now: who has made a session of its own (`setsid`) is in no
 * group of ours any more, but has its environment still. Looks again until nobody is left, as one may
 * have forked meanwhile. Who has thrown the environment away as well (`env -i`) is not found.
 */
export const endLeftovers = async (run: string): Promise<void> => {
  const mark = Buffer.from(`${RUN_VARIABLE}=${run}\0`)
  for (let round = 0; round < MAX_KILL_ROUNDS; round++) {
    const found = await findMarked(mark)
    if (found.length === 0) return
    for (const pid of found) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It was faster.
      }
    }
  }
}
