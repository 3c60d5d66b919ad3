import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blockListDigest, createLister, MIN_LISTED_CONTENT_BYTES } from '../chunk/index.ts'
import { MAX_LISTED_CONTENT_BYTES } from '../chunk/index.ts'
import { describeSystemError, MeshError } from '../errors/index.ts'
import {
  createDigester,
  createDigestThreads,
  formatSize,
  MIN_THREAD_DIGEST_BYTES,
} from '../util/index.ts'
import { makeScratch } from './output.ts'
import type { FileHandle } from 'node:fs/promises'
import type { Digest, Random } from '../util/index.ts'
import type { Progress } from './progress.ts'

const CHUNK_BYTES = 256 * 2 ** 10

/** Content that is going to be signed: measured once, and checked whenever it is read again. */
export interface Content {
  /** For messages. */
  readonly shown: string
  readonly digest: Digest
  readonly sizeBytes: number
  /** Digest of the list of its blocks. */
  readonly listed: Digest
  /** What its statement is to say of that: small content goes without. */
  readonly blocks: Digest | 'none'
  /**
   * The bytes. The last of them are handed out only when all of them are what was measured, so that
   * nobody takes a file that changed meanwhile for complete.
   *
   * @throws MeshError `ERR_INPUT_CHANGED`, `ERR_INPUT_UNREADABLE`
   */
  chunks(): AsyncIterable<Uint8Array>
  close(): Promise<void>
}

const unreadable = (shown: string, cause: unknown): MeshError => {
  return new MeshError(
    'ERR_INPUT_UNREADABLE',
    `${shown} cannot be read: ${describeSystemError(cause)}`,
    { cause },
  )
}

/**
 * The pieces of a file, each read while the one before is being used. With `buffers`, a piece is good
 * until the next one is asked for: new memory for each costs as much as reading it.
 */
async function* readFile(
  file: FileHandle,
  shown: string,
  buffers: readonly Uint8Array[] = [],
): AsyncGenerator<Uint8Array> {
  const read = async (turn: number, position: number): Promise<Uint8Array> => {
    const buffer = buffers[turn % buffers.length] ?? Buffer.allocUnsafe(CHUNK_BYTES)
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position)
    return buffer.subarray(0, bytesRead)
  }
  let position = 0
  let next = read(0, position)
  for (let turn = 1; ; turn++) {
    const piece = await next.catch((error: unknown) => {
      throw unreadable(shown, error)
    })
    if (piece.length === 0) return
    position += piece.length
    next = read(turn, position)
    // Nobody may come for it.
    next.catch(() => {})
    yield piece
  }
}

const changedMeanwhile = (shown: string): MeshError =>
  new MeshError(
    'ERR_INPUT_CHANGED',
    `${shown} changed while it was being read; nothing was published, run it again`,
  )

/** What tells whether somebody wrote to the file meanwhile. */
const stampOf = async (file: FileHandle): Promise<string> => {
  const { size, mtimeNs, ctimeNs } = await file.stat({ bigint: true })
  return `${size} ${mtimeNs} ${ctimeNs}`
}

/** What of a content is measured, and by which it is known again. */
interface Measured extends Pick<Content, 'shown' | 'digest' | 'sizeBytes'> {
  readonly stamp: string
}

/**
 * Large content is not hashed a second time: measuring took longer than the file system's clock needs
 * to tick, so whatever is written afterwards shows in the stamp. The daemon hashes it in any case.
 */
async function* checked(
  file: FileHandle,
  { shown, digest, sizeBytes, stamp }: Measured,
): AsyncGenerator<Uint8Array> {
  const digester = sizeBytes < MIN_THREAD_DIGEST_BYTES ? createDigester() : undefined
  const changed = changedMeanwhile(shown)
  let held: Uint8Array | undefined
  let length = 0
  for await (const chunk of readFile(file, shown)) {
    digester?.update(chunk)
    length += chunk.length
    if (length > sizeBytes) throw changed
    if (held !== undefined) yield held
    held = chunk
  }
  const isOther = digester !== undefined && digester.digest() !== digest
  if (length !== sizeBytes || isOther || (await stampOf(file)) !== stamp) throw changed
  if (held !== undefined) yield held
}

/** Begins to show how far the reading of so many bytes is. */
type Start = (totalBytes: number) => Progress

const NOT_SHOWN: Start = () => ({ update: () => {}, end: () => {} })

/** Reads it once: the digest of the whole, and that of the list of its blocks. */
const measure = async (file: FileHandle, shown: string, start: Start): Promise<Content> => {
  const before = await stampOf(file)
  const { size } = await file.stat()
  const digester = createDigestThreads().create({ sizeBytes: size })
  const lister = createLister()
  const buffers = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)]
  const progress = start(size)
  let sizeBytes = 0
  try {
    for await (const chunk of readFile(file, shown, buffers)) {
      sizeBytes += chunk.length
      progress.update(sizeBytes)
      if (sizeBytes > MAX_LISTED_CONTENT_BYTES) {
        const limit = formatSize(MAX_LISTED_CONTENT_BYTES)
        throw new MeshError('ERR_FILE_TOO_LARGE', `${shown} is larger than ${limit}; divide it`)
      }
      const hashed = digester.update(chunk)
      lister.update(chunk)
      if (hashed !== undefined) await hashed
    }
    const digest = await digester.digest()
    if ((await stampOf(file)) !== before) throw changedMeanwhile(shown)
    const listed = blockListDigest(lister.end())
    const blocks = sizeBytes < MIN_LISTED_CONTENT_BYTES ? 'none' : listed
    const facts = { shown, digest, sizeBytes, listed, blocks } as const
    const measured = { ...facts, stamp: before }
    return { ...facts, chunks: () => checked(file, measured), close: () => file.close() }
  } finally {
    progress.end()
    digester.close()
  }
}

/** Into a file that has no name any more: to remove it later would show as a change of it. */
const spool = async (input: AsyncIterable<Uint8Array>, random: Random): Promise<FileHandle> => {
  const scratch = await makeScratch(tmpdir(), random)
  try {
    const file = await open(join(scratch.path, 'content'), 'wx+', 0o600)
    for await (const chunk of input) await file.writeFile(chunk)
    return file
  } finally {
    // The open file stays readable.
    await scratch.remove()
  }
}

/** Standard input has neither size nor a second reading: it goes through a private file. */
const openInput = async (
  input: AsyncIterable<Uint8Array>,
  random: Random,
  start: Start,
): Promise<Content> => {
  try {
    const file = await spool(input, random)
    try {
      return await measure(file, 'standard input', start)
    } catch (error) {
      await file.close()
      throw error
    }
  } catch (error) {
    throw error instanceof MeshError ? error : unreadable('standard input', error)
  }
}

/**
 * Opens what is to be signed; `-` is standard input. Large content takes a while to be read: `start`
 * shows how far that is.
 *
 * @throws MeshError `ERR_INPUT_UNREADABLE`
 */
export const openContent = async (
  path: string,
  random: Random,
  start: Start = NOT_SHOWN,
): Promise<Content> => {
  if (path === '-') return openInput(process.stdin, random, start)
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is not a file')
    return await measure(file, path, start)
  } catch (error) {
    await file.close()
    throw error instanceof MeshError ? error : unreadable(path, error)
  }
}

/**
 * Text of a small file.
 *
 * @throws MeshError `ERR_INPUT_UNREADABLE`
 */
export const readSmallFile = async (path: string, maxBytes: number): Promise<string> => {
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  try {
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === buffer.length) break
    }
    if (length > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`)
    return buffer.toString('utf8', 0, length)
  } catch (error) {
    throw unreadable(path, error)
  } finally {
    await file.close()
  }
}
