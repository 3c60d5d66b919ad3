import type { Handle } from './file-system.ts'

/** After so many bytes what was written is sent to the disk while more is coming. */
const EARLY_SYNC_BYTES = 64 * 2 ** 20

/** Has a large file written to the disk while it grows, so that the end does not wait for all of it. */
export interface EarlySync {
  /** So many bytes more were written. */
  wrote(bytes: number): void
  /**
   * Resolves when nothing is under way. Rejects with the first failure, again and again: the system
   * tells of a write that was lost once only, and the next fsync would succeed.
   */
  settled(): Promise<void>
}

export const createEarlySync = (handle: Handle, everyBytes = EARLY_SYNC_BYTES): EarlySync => {
  let sinceBytes = 0
  let running: Promise<void> | undefined
  let failed: { readonly error: unknown } | undefined
  return {
    wrote(bytes) {
      sinceBytes += bytes
      if (sinceBytes < everyBytes || running !== undefined || failed !== undefined) return
      sinceBytes = 0
      running = handle
        .sync()
        .catch((error: unknown) => {
          failed = { error }
        })
        .finally(() => {
          running = undefined
        })
    },
    async settled() {
      await running
      if (failed !== undefined) throw failed.error
    },
  }
}
