import { malformed } from '../wire.ts'

/** Which of a content's blocks somebody has. */
export interface Bitmap {
  /** Blocks of the content. */
  readonly length: number
  /** How many of them are there. */
  readonly count: number
  /** Lowest bit first; bits behind the end are 0. */
  readonly bytes: Uint8Array
  has(index: number): boolean
  /** Answers whether it was not there before. */
  add(index: number): boolean
  delete(index: number): boolean
}

const wrap = (length: number, bytes: Uint8Array, counted: number): Bitmap => {
  let count = counted
  const bitOf = (index: number): number => 1 << (index & 7)
  const byteOf = (index: number): number => bytes[index >>> 3] ?? 0
  const isSet = (index: number): boolean => (byteOf(index) & bitOf(index)) !== 0
  return {
    length,
    bytes,
    get count() {
      return count
    },
    has: (index) => index < length && isSet(index),
    add(index) {
      if (index >= length || isSet(index)) return false
      bytes[index >>> 3] = byteOf(index) | bitOf(index)
      count++
      return true
    },
    delete(index) {
      if (index >= length || !isSet(index)) return false
      bytes[index >>> 3] = byteOf(index) & ~bitOf(index)
      count--
      return true
    },
  }
}

export const createBitmap = (length: number): Bitmap =>
  wrap(length, new Uint8Array((length + 7) >>> 3), 0)

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const checkSpareBits = (length: number, bytes: Uint8Array): void => {
  const spare = bytes.length * 8 - length
  if (spare > 0 && (bytes.at(-1) ?? 0) >>> (8 - spare) !== 0) {
    throw malformed('bits behind the last block')
  }
}

/** Of bytes that {@link checkSpareBits} has let through; copies them. */
export const createBitmapOf = (length: number, given: Uint8Array): Bitmap => {
  const bytes = Uint8Array.from(given)
  let count = 0
  for (let byte of bytes) for (; byte !== 0; byte &= byte - 1) count++
  return wrap(length, bytes, count)
}
