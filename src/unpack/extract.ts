import { constants } from 'node:fs'
import { mkdir, open, opendir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describeSystemError, isMeshError, MeshError, systemErrorCode } from '../errors/index.ts'
import { checkLink, createEntries, partsOf, refused } from './entries.ts'
import { MAX_TREE_HEADER_BYTES } from './limits.ts'
import type { Parser, ReadEntry } from 'tar'
import type { Entries } from './entries.ts'

export interface ExtractInit {
  /** Permission bits of plain files; directories and what may be run have `x` where these have `r`. */
  readonly mode: number
  /** The most that all files together may have. */
  readonly maxBytes: number
  readonly signal: AbortSignal
}

const USTAR_OFFSET = 257
const BLOCK_BYTES = 512

/** First bytes of what people take for a tar. Our parser would unpack the first two by itself. */
const COMPRESSED: readonly (readonly [name: string, magic: string])[] = [
  ['gzip', '1f8b'],
  ['zstd', '28b52ffd'],
  ['xz', 'fd377a585a'],
  ['bzip2', '425a68'],
]

const checkStart = (start: Buffer): void => {
  const head = start.subarray(0, 8).toString('hex')
  const [name] = COMPRESSED.find(([, magic]) => head.startsWith(magic)) ?? []
  if (name !== undefined) throw refused(`it is compressed with ${name}; sign the plain tar`)
  const magic = start.toString('latin1', USTAR_OFFSET, USTAR_OFFSET + 5)
  if (magic !== 'ustar') throw refused('it is no tar (ustar, pax or GNU)')
}

/** The content with its first block in one piece, which is looked at. */
async function* checked(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = Buffer.alloc(0)
  for await (const chunk of content) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (start === undefined) {
      yield bytes
      continue
    }
    start = Buffer.concat([start, bytes])
    if (start.length < BLOCK_BYTES) continue
    checkStart(start)
    yield start
    start = undefined
  }
  if (start !== undefined) throw refused('it is no tar: it has less than a block of 512 bytes')
}

const NAMES: Readonly<Record<string, string>> = {
  Link: 'a hard link',
  CharacterDevice: 'a device',
  BlockDevice: 'a device',
  FIFO: 'a pipe',
  GNUDumpDir: 'a directory dump of GNU tar',
  SparseFile: 'a sparse file',
  OldGnuSparse: 'a sparse file',
}

/** `rwx` where `r`. */
const withSearch = (mode: number): number => mode | ((mode & 0o444) >> 2)

/** What the operating system refuses, as an error of ours; every other as it is. */
const failureOf = (error: unknown): unknown => {
  if (isMeshError(error) || systemErrorCode(error) === '') return error
  const full = ['ENOSPC', 'EDQUOT'].includes(systemErrorCode(error))
  const message = `the tree cannot be written: ${describeSystemError(error)}`
  return new MeshError(full ? 'ERR_DISK_FULL' : 'ERR_STATE_UNUSABLE', message, { cause: error })
}

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path)
  await directory.sync().finally(() => directory.close())
}

/** Makes all directories durable, the innermost first. */
const syncTree = async (path: string, signal: AbortSignal): Promise<void> => {
  signal.throwIfAborted()
  for await (const entry of await opendir(path)) {
    if (entry.isDirectory()) await syncTree(join(path, entry.name), signal)
  }
  await syncDirectory(path)
}

interface Target {
  readonly root: string
  readonly entries: Entries
  readonly init: ExtractInit
  bytes: number
}

const makeDirectories = async (target: Target, paths: readonly string[]): Promise<void> => {
  for (const path of paths) {
    const made = join(target.root, path)
    await mkdir(made, { mode: 0o700 })
    await setMode(made, withSearch(target.init.mode) | 0o700)
  }
}

const setMode = async (path: string, mode: number): Promise<void> => {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  await handle.chmod(mode).finally(() => handle.close())
}

const writeFile = async (target: Target, path: string, entry: ReadEntry): Promise<void> => {
  const { mode, maxBytes } = target.init
  const file = await open(join(target.root, path), 'wx', 0o600)
  try {
    let size = 0
    for await (const chunk of entry) {
      const bytes: Uint8Array = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      size += bytes.length
      target.bytes += bytes.length
      if (target.bytes > maxBytes) throw refused(`its files have more than ${maxBytes} bytes`)
      await file.writeFile(bytes)
    }
    if (size !== entry.size) throw refused(`it ends within ${JSON.stringify(path.slice(0, 200))}`)
    const isProgram = ((entry.mode ?? 0) & 0o100) !== 0
    await file.chmod(isProgram ? withSearch(mode) : mode)
    await file.sync()
  } finally {
    await file.close()
  }
}

const take = async (target: Target, entry: ReadEntry): Promise<void> => {
  const { root, entries } = target
  const parts = partsOf(entry.path)
  const path = parts.join('/')
  if (entry.type === 'Directory') {
    if (parts.length > 0) await makeDirectories(target, entries.add(parts, 'directory'))
    entry.resume()
    return
  }
  if (parts.length === 0) throw refused('the tree itself is in it, and not as a directory')
  if (entry.type === 'SymbolicLink') {
    const to = entry.linkpath ?? ''
    checkLink(parts, to)
    await makeDirectories(target, entries.add(parts, 'link'))
    await symlink(to, join(root, path))
    entry.resume()
    return
  }
  if (['File', 'OldFile', 'ContiguousFile'].includes(entry.type)) {
    await makeDirectories(target, entries.add(parts, 'file'))
    return writeFile(target, path, entry)
  }
  throw refusedType(entry)
}

const refusedType = ({ type, path }: ReadEntry): MeshError =>
  refused(`${JSON.stringify(path.slice(0, 200))} is ${NAMES[type] ?? `of the type ${type}`}`)

/** Loaded with the first tar: no daemon without one pays for it. */
const createParser = async (): Promise<Parser> => {
  const { Parser } = await import('tar')
  return new Parser({ strict: true, maxMetaEntrySize: MAX_TREE_HEADER_BYTES })
}

/**
 * Unpacks a tar into the directory `root`, which is there and empty, and makes all of it durable. The
 * tar is hostile: it is read in pieces, everything in it is checked before it is made, nothing is made
 * through a link, and neither owners nor times nor special permissions are taken over.
 *
 * @throws MeshError `ERR_TREE_REFUSED`; `ERR_DISK_FULL`, `ERR_STATE_UNUSABLE`; and what reading throws.
 * `root` holds some of the tree then.
 */
export const extractTar = async (
  content: AsyncIterable<Uint8Array>,
  root: string,
  init: ExtractInit,
): Promise<{ readonly entries: number; readonly bytes: number }> => {
  const { signal } = init
  const target: Target = { root, entries: createEntries(), init, bytes: 0 }
  const parser = await createParser()
  let failed: (error: unknown) => void = () => {}
  const failure = new Promise<never>((_, reject) => (failed = reject))
  failure.catch(() => {})
  const abort = (): void => failed(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  parser.on('error', (error: Error) => failed(refused(`it is damaged: ${error.message}`)))
  parser.on('ignoredEntry', (entry: ReadEntry) =>
    failed(
      entry.meta
        ? refused(`it has an extended header of more than ${MAX_TREE_HEADER_BYTES} bytes`)
        : refusedType(entry),
    ),
  )
  parser.on('meta', (text: string) => {
    if (text.includes('GNU.sparse.')) failed(refused('it has a sparse file'))
  })
  let reading: ReadEntry | undefined
  let last: Promise<void> = Promise.resolve()
  parser.on('entry', (entry: ReadEntry) => {
    reading = entry
    last = take(target, entry)
    last.catch((error: unknown) => failed(failureOf(error)))
  })
  let complete = false
  parser.on('eof', () => (complete = true))
  const ended = new Promise<void>((resolve) => parser.once('end', resolve))
  try {
    signal.throwIfAborted()
    for await (const chunk of checked(content)) {
      if (!parser.write(chunk)) {
        const room = new Promise<void>((resolve) => parser.once('drain', resolve))
        await Promise.race([room, failure])
      }
      // What has failed meanwhile shows before the next piece is read.
      await Promise.race([failure, Promise.resolve()])
      // The parser would hold in memory whatever follows the end.
      if (complete) break
    }
    parser.end()
    await Promise.race([ended, failure])
    await Promise.race([last, failure])
    if (!complete) throw refused('it has no end: it was cut off')
    if (target.entries.count === 0) throw refused('there is nothing in it')
    await setMode(root, withSearch(init.mode) | 0o700)
    await syncTree(root, signal)
  } catch (error) {
    throw failureOf(error)
  } finally {
    signal.removeEventListener('abort', abort)
    // An entry of which no more is read would wait for it for ever.
    reading?.destroy()
    // What is being made is on its way: nobody may remove the directory under it.
    await last.catch(() => {})
  }
  return { entries: target.entries.count, bytes: target.bytes }
}
