/** Sizes are rounded up to this, so that what was given back fits again. */
const GRAIN_BYTES = 256 * 2 ** 10
/** A buffer is not handed out for something this many times smaller. */
const MOST_WASTE = 8

/**
 * Large buffers that are used again. New memory has to be brought by the system, and what lies about
 * until the garbage collector comes has it come for every few MiB: together that costs more than all
 * else that is done with a block.
 */
export interface BufferPool {
  /** At least so many bytes, of any content. */
  take(sizeBytes: number): Uint8Array
  /** Whoever gives a buffer back neither reads nor writes it any more, nor does anybody else. */
  give(buffer: Uint8Array): void
}

export const createBufferPool = ({ maxIdleBytes }: { maxIdleBytes: number }): BufferPool => {
  /** The one used last, which the processor still has near, is last. */
  const idle: Uint8Array[] = []
  let idleBytes = 0
  return {
    take(sizeBytes) {
      const fits = ({ length }: Uint8Array): boolean =>
        length >= sizeBytes && length <= Math.max(sizeBytes, GRAIN_BYTES) * MOST_WASTE
      const at = idle.findLastIndex(fits)
      const [found] = at < 0 ? [] : idle.splice(at, 1)
      if (found === undefined) {
        // Not from the memory that small buffers share.
        return Buffer.allocUnsafeSlow(Math.ceil(sizeBytes / GRAIN_BYTES) * GRAIN_BYTES)
      }
      idleBytes -= found.length
      return found
    },
    give(buffer) {
      if (buffer.length === 0 || idle.includes(buffer)) return
      idle.push(buffer)
      idleBytes += buffer.length
      while (idleBytes > maxIdleBytes) idleBytes -= idle.shift()?.length ?? idleBytes
    },
  }
}
