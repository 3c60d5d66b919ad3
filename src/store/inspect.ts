import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, rename, rm, symlink } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { MeshError } from '../errors/index.ts'
import { DATA_FILE } from './data-file.ts'
import { isFull } from './failure.ts'

/** Beside this file and of its kind: TypeScript in a checkout, JavaScript in a package. */
const PROGRAM = join(import.meta.dirname, `inspect-main${extname(import.meta.filename)}`)
/** What a dying program may say; it goes into one error message. */
export const MAX_REPORT_BYTES = 2 * 2 ** 10
/** Where the program works, inside the database's directory. */
const COPY_PREFIX = 'copy-'

/** How the program ends. */
export const EXIT_DAMAGED = 10
export const EXIT_NOT_COPIED = 11
export const EXIT_ORPHANED = 12

/**
 * Whoever stops a service or presses Ctrl-C sends these to all of its processes, and a machine that
 * is short of memory sends the last one: they say nothing about the database.
 */
const FROM_OUTSIDE: readonly string[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGKILL']

interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly report: string
}

const runProgram = (path: string, target: string | undefined): Promise<Ending> =>
  new Promise((resolve, reject) => {
    const arguments_ = [
      PROGRAM,
      String(process.pid),
      path,
      ...(target === undefined ? [] : [target]),
    ]
    const child = spawn(process.execPath, arguments_, { stdio: ['ignore', 'ignore', 'pipe'] })
    let report = ''
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text: string) => {
      report = (report + text).slice(0, MAX_REPORT_BYTES)
    })
    child.on('error', (error) => {
      reject(
        new MeshError('ERR_STATE_UNUSABLE', `cannot start the check of ${path}: ${error.message}`, {
          cause: error,
        }),
      )
    })
    child.on('close', (code, signal) => resolve({ code, signal, report: report.trim() }))
  })

const judge = (path: string, { code, signal, report }: Ending): 'sound' | 'not copied' => {
  if (code === 0) return 'sound'
  if (code === EXIT_NOT_COPIED) return 'not copied'
  if (code === EXIT_ORPHANED || (signal !== null && FROM_OUTSIDE.includes(signal))) {
    throw new MeshError(
      'ERR_STATE_UNUSABLE',
      `the check of ${path} was ended by ${signal ?? 'somebody else'} before it knew anything; start again`,
      { data: { path } },
    )
  }
  const why = report.split('\n')[0] || `its reader ended with ${signal ?? code}`
  throw new MeshError('ERR_STATE_CORRUPT', `${path} is damaged: ${why}`, { data: { path, report } })
}

const sync = async (path: string): Promise<void> => {
  const handle = await open(path, 'r')
  await handle.sync().finally(() => handle.close())
}

/** Removes what a start before this one did not finish. */
const removeCopies = async (path: string): Promise<void> => {
  for (const name of await readdir(path)) {
    if (name.startsWith(COPY_PREFIX)) await rm(join(path, name), { recursive: true, force: true })
  }
}

/**
 * The same database with a lock file of its own. Whoever opens an environment writes the number of the
 * last transaction into its lock file, and that of one which another process commits at this moment is
 * lost by it, for good (lmdb 3.5.6). So a program whose daemon was killed must not share a lock file
 * with the daemon that comes next.
 */
const isolate = async (work: string): Promise<string> => {
  const apart = join(work, 'source')
  await mkdir(apart)
  await symlink(join('..', '..', DATA_FILE), join(apart, DATA_FILE))
  return apart
}

/**
 * Reads the whole database in a process of its own, because LMDB has no checksums and a damaged page
 * can kill whoever reads it. A disk without room for a lock file is no damage: nothing is read there.
 *
 * @throws MeshError `ERR_STATE_CORRUPT` if that process died or found damage, `ERR_STATE_UNUSABLE` if
 * it was ended from outside
 */
export const inspectDatabase = async (path: string): Promise<void> => {
  await removeCopies(path)
  if (await isFull(path)) return
  const work = await mkdtemp(join(path, COPY_PREFIX))
  try {
    judge(path, await runProgram(await isolate(work), undefined))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/**
 * The same, and has a copy of every entry take the place of the data file, at once and as a whole.
 * Damage can be such that everything is read and yet the next change ends the process; in the copy no
 * page of the old file is left. Answers `false` if it cannot be written, for want of room above all:
 * then nothing changed.
 */
export const renewDatabase = async (path: string): Promise<boolean> => {
  await removeCopies(path)
  if (await isFull(path)) return false
  const work = await mkdtemp(join(path, COPY_PREFIX))
  try {
    const source = await isolate(work)
    if (judge(path, await runProgram(source, work)) === 'not copied') return false
    const copy = join(work, DATA_FILE)
    await sync(copy)
    await rename(copy, join(path, DATA_FILE))
    await sync(path)
    return true
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
