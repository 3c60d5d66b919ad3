import { createDigester } from '../util/index.ts'
import type { Digest } from '../util/index.ts'

/** Content whose digest is asked for after it was read, as far as it was. */
export interface Hashed {
  readonly content: AsyncIterable<Uint8Array>
  /** Reads what is left, and answers the digest of the whole. */
  digest(): Promise<Digest>
  /** Reads no more. */
  close(): Promise<void>
}

/** Hashes content on its way: who reads a tar ends where the tar does, which may be before the end. */
export const hashed = (content: AsyncIterable<Uint8Array>): Hashed => {
  const source = content[Symbol.asyncIterator]()
  const digester = createDigester()
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    const read = await source.next()
    if (read.done !== true) digester.update(read.value)
    return read
  }
  return {
    // Without `return`: that the reader has had enough is not the end.
    content: { [Symbol.asyncIterator]: () => ({ next }) },
    async digest() {
      while ((await next()).done !== true);
      return digester.digest()
    },
    async close() {
      await source.return?.()
    },
  }
}
