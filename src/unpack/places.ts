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
/** End of the name of what is not finished. */
const PART = '.part'

/** What the names of all trees of a name begin with. */
const tagOf = (name: FileName): string => `${sha256(name).slice(0, 16)}-`

/** Trees and the links to them in a state directory. */
export interface Places {
  /** Makes the directories. */
  open(): Promise<void>
  /** What the names of all trees of this content begin with, whenever they were made. */
  kindOf(name: FileName, digest: Digest, mode: number): string
  /** What the link of a name leads to, if it is one of ours and there: a directory below `unpacked`. */
  current(name: FileName): Promise<string | undefined>
  /** Path of a tree, or of an attempt at one. */
  pathOf(tree: string): string
  /** Makes an empty directory to unpack a tree of this kind into. */
  stage(kind: string): Promise<string>
  /** Gives what was unpacked its name, and lets the link lead there. Answers that name. */
  switchTo(name: FileName, staged: string): Promise<string>
  /** Takes the link away, and the directories that it alone stood in. */
  unlink(name: FileName): Promise<void>
  /** Removes what a tree or an attempt was. */
  remove(tree: string): Promise<void>
  /** Makes the link of a name durable, if the switch to it could not. */
  settle(name: FileName): Promise<void>
  /** All names that have a link. */
  names(): Promise<FileName[]>
  /** Removes what is nobody's link: half of a switch, or nothing of ours. Only while nothing is switched. */
  sweep(): Promise<void>
  /** All directories that are there, finished or not; with a name, its own. */
  trees(name?: FileName): Promise<string[]>
}

/** With these the system says that there is nothing. */
const ABSENT = ['ENOENT', 'ENOTDIR']

const nameOf = (path: string): FileName | undefined => {
  try {
    return parseFileName(path)
  } catch {
    return undefined
  }
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

  /** Directories that a link stands in, the outermost first. */
  const aboveOf = (name: FileName): string[] =>
    name
      .split('/')
      .slice(0, -1)
      .map((_, depth, parts) => join(trees, ...parts.slice(0, depth + 1)))

  const isDirectory = (path: string): Promise<boolean> =>
    lstat(path).then(
      (found) => found.isDirectory(),
      (error: unknown) => {
        if (ABSENT.includes(systemErrorCode(error))) return false
        throw error
      },
    )

  const makeParents = async (name: FileName): Promise<void> => {
    for (const path of aboveOf(name)) {
      if (await isDirectory(path)) continue
      await rm(path, { force: true })
      await makePublic(path)
      await sync(dirname(path))
    }
  }

  /** Of the directories above a link those that are there: the link of another name leads elsewhere. */
  const standing = async (name: FileName): Promise<string[]> => {
    const found: string[] = []
    for (const path of aboveOf(name)) {
      if (!(await isDirectory(path))) break
      found.push(path)
    }
    return found
  }

  /** Directories come and go while others look. */
  const walk = async (directory: string, tell: (path: string) => Promise<void>): Promise<void> => {
    const listed = await opendir(join(trees, directory)).catch((error: unknown) => {
      if (directory !== '' && ABSENT.includes(systemErrorCode(error))) return []
      throw error
    })
    for await (const entry of listed) {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`
      if (entry.isDirectory()) await walk(path, tell)
      else await tell(path)
    }
  }

  const syncLink = (name: FileName): Promise<void> => sync(dirname(linkOf(name)))

  return {
    async open() {
      for (const path of [unpacked, trees]) await makePublic(path)
      await sync(stateDir)
    },
    kindOf: (name, digest, mode) => `${tagOf(name)}${digest}-${mode.toString(8).padStart(4, '0')}-`,
    pathOf: (tree) => join(unpacked, tree),
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
    async stage(kind) {
      // Made anew of the same content, a tree must not stand where the one before it is read.
      const staged = `${kind}${toHex(random.bytes(8))}${PART}`
      await mkdir(join(unpacked, staged), { mode: 0o700 })
      return staged
    },
    async switchTo(name, staged) {
      const tree = staged.slice(0, -PART.length)
      const place = join(unpacked, tree)
      const link = linkOf(name)
      // No file name begins with a dash, so this is nobody's.
      const next = join(dirname(link), `-${toHex(random.bytes(8))}`)
      await rename(join(unpacked, staged), place)
      try {
        await sync(unpacked)
        await makeParents(name)
        await symlink(relative(dirname(link), place), next)
        if (await isDirectory(link)) await rm(link, { recursive: true })
        await rename(next, link)
      } catch (error) {
        // No link leads there, and each further attempt would leave another copy.
        await rm(next, { force: true }).catch(() => {})
        await rm(place, { recursive: true, force: true }).catch(() => {})
        throw error
      }
      await syncLink(name)
      return tree
    },
    settle: syncLink,
    async unlink(name) {
      const link = linkOf(name)
      const above = await standing(name)
      const isWhole = above.length === aboveOf(name).length
      let directory = above.at(-1) ?? trees
      // Names below this one may stand in a directory where its link was.
      if (isWhole && !(await isDirectory(link))) await ignoring(ABSENT, rm(link))
      for (const path of above.toReversed()) {
        try {
          await rmdir(path)
          directory = dirname(path)
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
      await walk('', async (path) => {
        const name = nameOf(path)
        if (name !== undefined) found.push(name)
      })
      return found
    },
    async sweep() {
      await walk('', async (path) => {
        if (nameOf(path) === undefined) await rm(join(trees, path), { force: true })
      })
    },
    async trees(name) {
      const tag = name === undefined ? '' : tagOf(name)
      const found: string[] = []
      for await (const entry of await opendir(unpacked)) {
        if (entry.name.startsWith(tag)) found.push(entry.name)
      }
      return found
    },
  }
}
