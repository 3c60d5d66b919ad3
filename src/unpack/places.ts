import {
  chmod,
  lstat,
  mkdir,
  open,
  opendir,
  readlink,
  rename,
  rm,
  rmdir,
  symlink,
} from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { systemErrorCode } from '../errors/index.ts'
import { parseFileName } from '../statement/index.ts'
import { sha256, toHex } from '../util/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Digest, Random } from '../util/index.ts'

/** What consumers read: a symbolic link for each name. */
const TREES_DIRECTORY = 'trees'
/** What the links lead to: a directory for each name, content and mode. */
const UNPACKED_DIRECTORY = 'unpacked'
const PUBLIC_MODE = 0o755

/** Trees and the links to them in a state directory. */
export interface Places {
  /** Makes the directories. */
  open(): Promise<void>
  /** Name of the directory of a tree, below `unpacked`. */
  treeOf(name: FileName, digest: Digest, mode: number): string
  /** What the link of a name leads to, if it is one of ours and there. */
  current(name: FileName): Promise<string | undefined>
  /** Makes an empty directory to unpack into. */
  stage(tree: string): Promise<string>
  /** Puts what was unpacked in `staged` in its place, and lets the link of the name lead there. */
  switchTo(name: FileName, tree: string, staged: string | undefined): Promise<void>
  /** Takes the link away, and the directories that it alone stood in. */
  unlink(name: FileName): Promise<void>
  /** Removes what a tree or an attempt was. */
  remove(tree: string): Promise<void>
  /** All names that have a link. */
  names(): Promise<FileName[]>
  /** All directories that are there, finished or not. */
  trees(): Promise<string[]>
}

const ignoring = async (codes: readonly string[], work: Promise<unknown>): Promise<void> => {
  await work.catch((error: unknown) => {
    if (!codes.includes(systemErrorCode(error))) throw error
  })
}

/** Whatever the umask is: other users of the machine read what is in it. */
const makePublic = async (path: string): Promise<void> => {
  await ignoring(['EEXIST'], mkdir(path))
  await chmod(path, PUBLIC_MODE)
}

const sync = async (path: string): Promise<void> => {
  const directory = await open(path)
  await directory.sync().finally(() => directory.close())
}

export const createPlaces = ({ random }: { random: Random }, stateDir: string): Places => {
  const unpacked = join(stateDir, UNPACKED_DIRECTORY)
  const trees = join(stateDir, TREES_DIRECTORY)
  const linkOf = (name: FileName): string => join(trees, name)

  /** Directories above a link; a link in their place is refused by `mkdir` and `open`. */
  const makeParents = async (name: FileName): Promise<void> => {
    const parts = name.split('/').slice(0, -1)
    for (let depth = 1; depth <= parts.length; depth++) {
      const path = join(trees, ...parts.slice(0, depth))
      const found = await lstat(path).catch(() => undefined)
      if (found !== undefined && !found.isDirectory()) await rm(path)
      await makePublic(path)
    }
  }

  const walk = async (directory: string, found: FileName[]): Promise<void> => {
    for await (const entry of await opendir(join(trees, directory))) {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`
      if (entry.isDirectory()) await walk(path, found)
      else {
        try {
          found.push(parseFileName(path))
        } catch {
          // Half of a switch, or nothing of ours.
          await rm(join(trees, path), { force: true })
        }
      }
    }
  }

  return {
    async open() {
      for (const path of [unpacked, trees]) await makePublic(path)
    },
    treeOf: (name, digest, mode) =>
      `${sha256(name).slice(0, 16)}-${digest}-${mode.toString(8).padStart(4, '0')}`,
    async current(name) {
      const target = await readlink(linkOf(name)).catch(() => '')
      const tree = target.split('/').at(-1) ?? ''
      if (target !== relative(dirname(linkOf(name)), join(unpacked, tree))) return undefined
      const isThere = await lstat(join(unpacked, tree)).then(
        (found) => found.isDirectory(),
        () => false,
      )
      return isThere ? tree : undefined
    },
    async stage(tree) {
      const staged = `${tree}.${toHex(random.bytes(4))}.part`
      await mkdir(join(unpacked, staged), { mode: 0o700 })
      return staged
    },
    async switchTo(name, tree, staged) {
      const place = join(unpacked, tree)
      if (staged !== undefined) {
        await rm(place, { recursive: true, force: true })
        await rename(join(unpacked, staged), place)
        await sync(unpacked)
      }
      await makeParents(name)
      const link = linkOf(name)
      // No file name begins with a dash, so this is nobody's.
      const next = join(dirname(link), `-${toHex(random.bytes(8))}`)
      await symlink(relative(dirname(link), place), next)
      const found = await lstat(link).catch(() => undefined)
      if (found?.isDirectory() === true) await rm(link, { recursive: true })
      await rename(next, link)
      await sync(dirname(link))
    },
    async unlink(name) {
      await ignoring(['ENOENT', 'ENOTDIR'], rm(linkOf(name)))
      let directory = dirname(linkOf(name))
      for (; directory !== trees; directory = dirname(directory)) {
        try {
          await rmdir(directory)
        } catch {
          break
        }
      }
      await sync(directory)
    },
    async remove(tree) {
      await rm(join(unpacked, tree), { recursive: true, force: true })
    },
    async names() {
      const found: FileName[] = []
      await walk('', found)
      return found
    },
    async trees() {
      const found: string[] = []
      for await (const entry of await opendir(unpacked)) found.push(entry.name)
      return found
    },
  }
}
