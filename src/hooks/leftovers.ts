import { open, readdir } from 'node:fs/promises'
import { MAX_ENVIRONMENT_BYTES, MAX_KILL_ROUNDS } from './limits.ts'

/** Of the environment of a run: what the run has started carries it on. */
export const RUN_VARIABLE = 'MESH_HOOK_RUN'

/** What is read of an environment at a time. */
const PIECE_BYTES = 64 * 2 ** 10

/** Whether a process has the mark in the environment that it was started with. */
const isMarked = async (pid: string, mark: Buffer, piece: Buffer): Promise<boolean> => {
  const file = await open(`/proc/${pid}/environ`).catch(() => undefined)
  if (file === undefined) return false
  try {
    // What may be the beginning of the mark is looked at again with what comes behind it.
    let kept = 0
    for (let position = 0; position < MAX_ENVIRONMENT_BYTES; ) {
      const { bytesRead } = await file.read(piece, kept, piece.length - kept, position)
      if (bytesRead === 0) return false
      const filled = kept + bytesRead
      if (piece.subarray(0, filled).includes(mark)) return true
      position += bytesRead
      kept = Math.min(mark.length - 1, filled)
      piece.copyWithin(0, filled - kept, filled)
    }
    return false
  } catch {
    // It has ended, or is another user's.
    return false
  } finally {
    await file.close().catch(() => {})
  }
}

const findMarked = async (mark: Buffer): Promise<number[]> => {
  const all = await readdir('/proc').catch(() => [])
  const piece = Buffer.allocUnsafe(PIECE_BYTES)
  const found: number[] = []
  for (const pid of all) {
    if (/^\d+$/.test(pid) && (await isMarked(pid, mark, piece))) found.push(Number(pid))
  }
  return found
}

/**
 * Ends what a run has left, wherever it is by now: who has made a session of its own (`setsid`) is in no
 * group of ours any more, but has its environment still. Looks again until nobody is left, as one may
 * have forked meanwhile. Who has thrown the environment, or the mark, away as well (`env -i`, `env -u`) is not
 * found.
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
