import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** How often a store was opened since it was last closed in good order; it lives beside the data. */
export interface Openings {
  /** How often until now. */
  readonly unclean: number
  /** Notes one more. */
  begin(): Promise<void>
  /** Forgets them all. */
  end(): Promise<void>
}

/**
 * Reads the count. All of this is advice about when to look closer, so whatever the file system
 * refuses here is ignored: opening the database will say the same, and louder.
 */
export const readOpenings = async (directory: string): Promise<Openings> => {
  const path = join(directory, 'openings')
  const text = await readFile(path, 'utf8').catch(() => '0')
  // What is not a number was written by a process that died while it wrote: count that.
  const unclean = /^\d{1,6}$/.test(text) ? Number(text) : 1
  return {
    unclean,
    begin: () => writeFile(path, String(unclean + 1), { mode: 0o600 }).catch(() => {}),
    end: () => rm(path, { force: true }).catch(() => {}),
  }
}
