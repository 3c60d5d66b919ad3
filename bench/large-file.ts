/** Large contents for the benchmarks: bytes that nothing can leave out or make smaller. */
import { createCipheriv } from 'node:crypto'
import { open } from 'node:fs/promises'
import { blockListDigest, createChunker } from '../src/chunk/index.ts'
import { systemRandom } from '../src/util/index.ts'
import type { FileHandle } from 'node:fs/promises'
import type { Statement } from '../src/statement/index.ts'

const PIECE_BYTES = 4 * 2 ** 20
const zeros = Buffer.alloc(PIECE_BYTES)

/** What a statement says of a content. */
export type ContentFields = Pick<Statement, 'blocks'> & {
  readonly content: Exclude<Statement['content'], 'deleted'>
}

/** Fills a file with random bytes, each time with others. */
export const writeRandomFile = async (path: string, bytes: number): Promise<void> => {
  const stream = createCipheriv('aes-256-ctr', systemRandom.bytes(32), systemRandom.bytes(16))
  const file = await open(path, 'w')
  try {
    for (let left = bytes; left > 0; left -= PIECE_BYTES) {
      await file.write(stream.update(zeros.subarray(0, Math.min(left, PIECE_BYTES))))
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Writes new random bytes over a part of it. */
export const overwrite = async (path: string, at: number, bytes: number): Promise<void> => {
  const file = await open(path, 'r+')
  try {
    await file.write(systemRandom.bytes(bytes), 0, bytes, at)
  } finally {
    await file.close()
  }
}

/** Reads it once, as the CLI does before it signs. */
export const describeFile = async (path: string): Promise<ContentFields> => {
  const file: FileHandle = await open(path)
  try {
    const chunker = createChunker()
    let sizeBytes = 0
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 2 ** 18 })) {
      sizeBytes += chunk.length
      chunker.update(chunk)
    }
    const { digest, list } = chunker.end()
    return { content: { digest, sizeBytes }, blocks: blockListDigest(list) }
  } finally {
    await file.close()
  }
}
