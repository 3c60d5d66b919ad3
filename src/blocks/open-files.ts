import type { Disk, OpenedFile } from '../disk/index.ts'
import type { Cancel, Clock } from '../util/index.ts'

/** How long a file that nobody reads stays open: one that is removed keeps its room for that long. */
const IDLE_MS = 1_000

interface Entry {
  readonly path: string
  readonly file: OpenedFile
  users: number
  cancelClose: Cancel | undefined
}

/** Files that blocks are read out of, kept open from one block to the next. */
export interface OpenFiles {
  /** `undefined`: there is no such file, or another one than has this fingerprint. */
  use<T>(
    where: { readonly path: string; readonly fingerprint?: string },
    work: (file: OpenedFile) => Promise<T>,
  ): Promise<T | undefined>
  close(): Promise<void>
}

export const createOpenFiles = ({ disk, clock }: { disk: Disk; clock: Clock }): OpenFiles => {
  const entries = new Set<Entry>()

  const close = async (entry: Entry): Promise<void> => {
    entry.cancelClose?.()
    if (entries.delete(entry)) await entry.file.close()
  }

  const find = async (
    path: string,
    fingerprint: string | undefined,
  ): Promise<Entry | undefined> => {
    // Without a fingerprint nobody could tell whether it is still the one that lies there.
    for (const entry of fingerprint === undefined ? [] : entries) {
      if (entry.path === path && entry.file.fingerprint === fingerprint) return entry
    }
    const file = await disk.openFile(path)
    if (file === undefined) return undefined
    if (fingerprint === undefined || file.fingerprint === fingerprint) {
      const entry = { path, file, users: 0, cancelClose: undefined }
      entries.add(entry)
      return entry
    }
    await file.close()
    return undefined
  }

  return {
    async use({ path, fingerprint }, work) {
      const entry = await find(path, fingerprint)
      if (entry === undefined) return undefined
      entry.cancelClose?.()
      entry.users++
      try {
        return await work(entry.file)
      } finally {
        if (--entry.users === 0) {
          if (fingerprint === undefined) await close(entry)
          else entry.cancelClose = clock.schedule(IDLE_MS, () => void close(entry).catch(() => {}))
        }
      }
    },
    async close() {
      await Promise.all([...entries].map((entry) => (entry.users === 0 ? close(entry) : undefined)))
    },
  }
}
