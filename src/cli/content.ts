import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blockListDigest, createChunker, MIN_LISTED_CONTENT_BYTES } from '../chunk/index.ts'
import { MAX_LISTED_CONTENT_BYTES } from '../chunk/index.ts'
import { describeSystemError, MeshError } from '../errors/index.ts'
import { createDigester, formatSize } from '../util/index.ts'
import { makeScratch } from './output.ts'
import type { FileHandle } from 'node:fs/promises'
import type { Digest, Random } from '../util/index.ts'

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

async function* readFile(file: FileHandle, shown: string): AsyncGenerator<Uint8Array> {
  let position = 0
  for (;;) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    const { bytesRead } = await file
      .read(buffer, 0, CHUNK_BYTES, position)
      .catch((error: unknown) => {
        throw unreadable(shown, error)
      })
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

const changedMeanwhile = (shown: string): MeshError =>
  new MeshError(
    'ERR_INPUT_CHANGED',
    `${shown} changed while it was being read; nothing was published, run it again`,
  )

async function* checked(
  file: FileHandle,
  { shown, digest, sizeBytes }: Pick<Content, 'shown' | 'digest' | 'sizeBytes'>,
): AsyncGenerator<Uint8Array> {
  const digester = createDigester()
  const changed = changedMeanwhile(shown)
  let held: Uint8Array | undefined
  let length = 0
  for await (const chunk of readFile(file, shown)) {
    digester.update(chunk)
    length += chunk.length
    if (length > sizeBytes) throw changed
    if (held !== undefined) yield held
    held = chunk
  }
  if (length !== sizeBytes || digester.digest() !== digest) throw changed
  if (held !== undefined) yield held
}

/** What tells whether somebody wrote to the file meanwhile. */
const stampOf = async (file: FileHandle): Promise<string> => {
  const { size, mtimeNs, ctimeNs } = await file.stat({ bigint: true })
  return `${size} ${mtimeNs} ${ctimeNs}`
}

/** Reads it once: the digest of the whole, and that of the list of its blocks. */
const measure = async (file: FileHandle, shown: string): Promise<Content> => {
  const before = await stampOf(file)
  const chunker = createChunker()
  let sizeBytes = 0
  for await (const chunk of readFile(file, shown)) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_LISTED_CONTENT_BYTES) {
      const limit = formatSize(MAX_LISTED_CONTENT_BYTES)
      throw new MeshError('ERR_FILE_TOO_LARGE', `${shown} is larger than ${limit}; divide it`)
    }
    chunker.update(chunk)
  }
  const { digest, list } = chunker.end()
  if ((await stampOf(file)) !== before) throw changedMeanwhile(shown)
  const listed = blockListDigest(list)
  const blocks = sizeBytes < MIN_LISTED_CONTENT_BYTES ? 'none' : listed
  const facts = { shown, digest, sizeBytes, listed, blocks } as const
  return { ...facts, chunks: () => checked(file, facts), close: () => file.close() }
}

/** Standard input has neither size nor a second reading: it goes through a private file. */
const openInput = async (input: AsyncIterable<Uint8Array>, random: Random): Promise<Content> => {
  const scratch = await makeScratch(tmpdir(), random)
  try {
    const file = await open(join(scratch.path, 'content'), 'wx+', 0o600)
    for await (const chunk of input) await file.writeFile(chunk)
    return await measure(file, 'standard input')
  } catch (error) {
    throw error instanceof MeshError ? error : unreadable('standard input', error)
  } finally {
    // The open file stays readable.
    await scratch.remove()
  }
}

/**
 * Opens what is to be signed; `-` is standard input.
 *
 * @throws MeshError `ERR_INPUT_UNREADABLE`
 */
export const openContent = async (path: string, random: Random): Promise<Content> => {
  if (path === '-') return openInput(process.stdin, random)
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is not a file')
    return await measure(file, path)
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
