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
  /** Forgets the one that was begun last. */
  undo(): Promise<void>
  /** Has the next opening count at least so many before it. */
  raise(count: number): Promise<void>
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
  const write = (count: number): Promise<void> =>
    writeFile(path, String(count), { mode: 0o600 }).catch(() => {})
  const end = (): Promise<void> => rm(path, { force: true }).catch(() => {})
  return {
    unclean,
    begin: () => write(unclean + 1),
    end,
    undo: () => (unclean === 0 ? end() : write(unclean)),
    raise: (count) => write(Math.max(unclean + 1, count)),
  }
}
