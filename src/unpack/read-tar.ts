import { isMeshError, MeshError } from '../errors/index.ts'
import { describeSystemError, systemErrorCode } from '../errors/index.ts'
import { checkLink, createEntries, partsOf, refused } from './entries.ts'
import { MAX_TREE_HEADER_BYTES } from './limits.ts'
import type { Parser, ReadEntry } from 'tar'

/** What is told of a tar that is read, in its order. Paths are below the tree, and were checked. */
export interface TarSink {
  /** Directories that come next, the outermost first. */
  directories(paths: readonly string[]): Promise<void>
  link(path: string, target: string): Promise<void>
  /** Has to read the content to its end. */
  file(path: string, content: AsyncIterable<Uint8Array>, is: { program: boolean }): Promise<void>
  /** The tar was read to its end, and is good. */
  finish(entries: number): Promise<void>
}

export interface TarInit {
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

/** What the operating system refuses, as an error of ours; every other as it is. */
const failureOf = (error: unknown): unknown => {
  if (isMeshError(error) || systemErrorCode(error) === '') return error
  const full = ['ENOSPC', 'EDQUOT'].includes(systemErrorCode(error))
  const message = `the tree cannot be written: ${describeSystemError(error)}`
  return new MeshError(full ? 'ERR_DISK_FULL' : 'ERR_STATE_UNUSABLE', message, { cause: error })
}

const refusedType = ({ type, path }: ReadEntry): MeshError =>
  refused(`${JSON.stringify(path.slice(0, 200))} is ${NAMES[type] ?? `of the type ${type}`}`)

/** Loaded with the first tar: no daemon without one pays for it. */
const createParser = async (): Promise<Parser> => {
  const { Parser } = await import('tar')
  return new Parser({ strict: true, maxMetaEntrySize: MAX_TREE_HEADER_BYTES })
}

/** Judges entries, and tells the sink of those that are good. */
const createTeller = (sink: TarSink, { maxBytes }: TarInit) => {
  const entries = createEntries()
  let bytes = 0

  async function* contentOf(path: string, entry: ReadEntry): AsyncGenerator<Uint8Array> {
    let size = 0
    for await (const chunk of entry) {
      const piece: Uint8Array = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      size += piece.length
      bytes += piece.length
      if (bytes > maxBytes) throw refused(`its files have more than ${maxBytes} bytes`)
      yield piece
    }
    if (size !== entry.size) throw refused(`it ends within ${JSON.stringify(path.slice(0, 200))}`)
  }

  /** What is to be done of an entry, in the order of the tar. @throws MeshError `ERR_TREE_REFUSED` */
  const take = (entry: ReadEntry): (() => Promise<void>) => {
    const parts = partsOf(entry.path)
    const path = parts.join('/')
    if (entry.type === 'Directory') {
      const directories = parts.length > 0 ? entries.add(parts, 'directory') : []
      return async () => {
        await sink.directories(directories)
        entry.resume()
      }
    }
    if (parts.length === 0) throw refused('the tree itself is in it, and not as a directory')
    if (entry.type === 'SymbolicLink') {
      const to = entry.linkpath ?? ''
      checkLink(parts, to)
      const directories = entries.add(parts, 'link')
      return async () => {
        await sink.directories(directories)
        await sink.link(path, to)
        entry.resume()
      }
    }
    if (['File', 'OldFile', 'ContiguousFile'].includes(entry.type)) {
      const directories = entries.add(parts, 'file')
      const program = ((entry.mode ?? 0) & 0o100) !== 0
      return async () => {
        await sink.directories(directories)
        await sink.file(path, contentOf(path, entry), { program })
      }
    }
    throw refusedType(entry)
  }

  return { take, entries: () => entries.count, bytes: () => bytes }
}

/**
 * Reads a tar, which is hostile: in pieces, and everything in it is checked before the sink is told of
 * it. What follows its end is not read.
 *
 * @throws MeshError `ERR_TREE_REFUSED`; what the operating system refuses the sink, as
 * `ERR_DISK_FULL` or `ERR_STATE_UNUSABLE`; and what reading and the sink throw otherwise
 */
export const readTar = async (
  content: AsyncIterable<Uint8Array>,
  sink: TarSink,
  init: TarInit,
): Promise<{ readonly entries: number; readonly bytes: number }> => {
  const { signal } = init
  const { take, entries, bytes } = createTeller(sink, init)
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
    try {
      const work = take(entry)
      // One after another: what has no content ends at once, and the next comes before it is made.
      last = last.then(work)
      last.catch((error: unknown) => failed(failureOf(error)))
    } catch (error) {
      failed(error)
    }
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
    if (entries() === 0) throw refused('there is nothing in it')
    await sink.finish(entries())
  } catch (error) {
    throw failureOf(error)
  } finally {
    signal.removeEventListener('abort', abort)
    // An entry of which no more is read would wait for it for ever.
    reading?.destroy()
    // What is being made is on its way: nobody may remove the directory under it.
    await last.catch(() => {})
  }
  return { entries: entries(), bytes: bytes() }
}
