/** What of a real directory a power cut would leave: what was synced, as it was when it was synced. */
import { chmodSync, fstatSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileHandle } from 'node:fs/promises'

/** What of tap is needed. */
interface Teardown {
  teardown(run: () => unknown): void
}

type Entry = { readonly link: string } | { readonly inode: number; readonly isDirectory: boolean }

interface Synced {
  readonly mode: number
  readonly content: Buffer
  /** Of a directory. */
  readonly entries: ReadonlyMap<string, Entry>
}

export interface PowerCut {
  /** Makes in the empty directory `to` what a power cut now would leave of the directory that is watched. */
  leave(to: string): void
}

const entryOf = (path: string): Entry => {
  const found = lstatSync(path)
  if (found.isSymbolicLink()) return { link: readlinkSync(path) }
  return { inode: found.ino, isDirectory: found.isDirectory() }
}

const entriesOf = (path: string): ReadonlyMap<string, Entry> =>
  new Map(readdirSync(path).map((name) => [name, entryOf(join(path, name))]))

/**
 * Watches what this process syncs, by `FileHandle.sync`, until the end of the test. A name survives if its
 * directory was synced since, bytes if their file was. `onSync` is called after each.
 */
export const watchSyncs = async (
  t: Teardown,
  directory: string,
  { onSync = () => {} }: { onSync?: () => void } = {},
): Promise<PowerCut> => {
  const synced = new Map<number, Synced>()
  const note = (
    path: string,
    { ino, mode }: { ino: number; mode: number },
    isDirectory: boolean,
  ) => {
    const content = isDirectory ? Buffer.alloc(0) : readFileSync(path)
    synced.set(ino, { mode, content, entries: isDirectory ? entriesOf(path) : new Map() })
  }
  note(directory, lstatSync(directory), true)

  const handle = await open(directory)
  const prototype: FileHandle = Object.getPrototypeOf(handle)
  await handle.close()
  const { sync } = prototype
  prototype.sync = async function (this: FileHandle) {
    const stat = fstatSync(this.fd)
    note(`/proc/self/fd/${this.fd}`, stat, stat.isDirectory())
    onSync()
  }
  t.teardown(() => {
    prototype.sync = sync
  })

  const make = (path: string, inode: number, isDirectory: boolean): void => {
    const found = synced.get(inode)
    if (isDirectory) mkdirSync(path, { recursive: true })
    else writeFileSync(path, found?.content ?? '')
    for (const [name, entry] of found?.entries ?? []) {
      const at = join(path, name)
      if ('link' in entry) symlinkSync(entry.link, at)
      else make(at, entry.inode, entry.isDirectory)
    }
    chmodSync(path, (found?.mode ?? 0o700) & 0o7777)
  }

  return { leave: (to) => make(to, lstatSync(directory).ino, true) }
}
