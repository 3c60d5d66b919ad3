import { MeshError } from '../errors/index.ts'

export const FRAME_HEADER_BYTES = 4
/** Frames up to this size are copied out of what they arrived in, which may be 64 KiB large. */
const COPY_BELOW_BYTES = 2 ** 12

/**
 * Bytes as they arrive, cut into frames (32-bit little-endian length, then that many bytes) only
 * when one is asked for: what is buffered costs what it weighs, whatever it says it is.
 */
export interface FrameBuffer {
  readonly sizeBytes: number
  push(bytes: Uint8Array): void
  /**
   * The next frame, or `undefined` if it is not complete.
   *
   * @throws MeshError `ERR_LIMIT_EXCEEDED` as soon as its length is known to be above the limit
   */
  next(): Uint8Array | undefined
  /** Whether it needs no more bytes to give the next frame. */
  hasFrame(): boolean
  /** Whether nothing is left over, not even a header. */
  isEmpty(): boolean
  clear(): void
}

export const createFrameBuffer = (maxFrameBytes: number): FrameBuffer => {
  let chunks: Uint8Array[] = []
  /** Chunks before this one are used up; shifting an array for each would be quadratic. */
  let first = 0
  /** Used up of the first chunk. */
  let offset = 0
  let sizeBytes = 0
  /** Length of the frame that comes next, once its header was read. */
  let wanted: number | undefined

  const consume = (count: number): Uint8Array => {
    sizeBytes -= count
    const head = chunks[first]
    if (head !== undefined && head.length - offset > count) {
      offset += count
      return head.subarray(offset - count, offset)
    }
    const parts: Uint8Array[] = []
    for (let left = count; left > 0; ) {
      const chunk = chunks[first]
      if (chunk === undefined) throw new MeshError('ERR_INTERNAL', 'a frame buffer ran dry')
      const part = chunk.subarray(offset, offset + left)
      parts.push(part)
      left -= part.length
      offset += part.length
      if (offset < chunk.length) continue
      first++
      offset = 0
    }
    if (first > 64 && first * 2 > chunks.length) {
      chunks = chunks.slice(first)
      first = 0
    }
    const [only, second] = parts
    return only !== undefined && second === undefined ? only : Buffer.concat(parts, count)
  }

  const readHeader = (): void => {
    if (wanted !== undefined || sizeBytes < FRAME_HEADER_BYTES) return
    const header = consume(FRAME_HEADER_BYTES)
    wanted = new DataView(header.buffer, header.byteOffset, FRAME_HEADER_BYTES).getUint32(0, true)
  }

  const hasFrame = (): boolean => {
    readHeader()
    return wanted !== undefined && (wanted > maxFrameBytes || sizeBytes >= wanted)
  }

  return {
    get sizeBytes() {
      return sizeBytes
    },
    push(bytes) {
      if (bytes.length === 0) return
      chunks.push(bytes)
      sizeBytes += bytes.length
    },
    hasFrame,
    isEmpty: () => sizeBytes === 0 && wanted === undefined,
    next() {
      if (!hasFrame() || wanted === undefined) return undefined
      if (wanted > maxFrameBytes) {
        throw new MeshError(
          'ERR_LIMIT_EXCEEDED',
          `a frame of ${wanted} bytes, where at most ${maxFrameBytes} are allowed`,
          { data: { sizeBytes: wanted, maxFrameBytes } },
        )
      }
      const frame = consume(wanted)
      wanted = undefined
      return frame.length < COPY_BELOW_BYTES ? Uint8Array.from(frame) : frame
    },
    clear() {
      chunks = []
      first = 0
      offset = 0
      sizeBytes = 0
    },
  }
}
