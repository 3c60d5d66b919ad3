import { MeshError } from '../errors/index.ts'
import { ByteReader, ByteWriter, digestFromBytes, digestToBytes } from '../util/index.ts'
import { DIGITS } from './summary.ts'
import type { Range } from '../store/index.ts'
import type { Summary } from './types.ts'

const FORMAT_VERSION = 1
const NODE_BYTES = 1 + 16 * (4 + 32)

/** Hex digits as bytes, the last one filled up with 0. */
const pack = (prefix: string): Buffer =>
  Buffer.from(prefix.length % 2 === 0 ? prefix : `${prefix}0`, 'hex')

/** How many digits, and then the digits. */
export const nodeKey = (prefix: string): Uint8Array =>
  Buffer.concat([Uint8Array.of(prefix.length), pack(prefix)])

/** `undefined` if no node has this key. */
export const prefixOfKey = (key: Uint8Array): string | undefined => {
  const digits = Buffer.from(key.subarray(1)).toString('hex')
  const prefix = digits.slice(0, key[0])
  return Buffer.from(nodeKey(prefix)).equals(key) ? prefix : undefined
}

/** All ids that begin with `prefix`. */
export const rangeOfPrefix = (prefix: string): Range => {
  // Keys are not empty; no id sorts below one byte of 0.
  const start = prefix === '' ? Uint8Array.of(0) : pack(prefix)
  const after = prefix.replace(/f*$/, '')
  if (after === '') return { start }
  const last = Number.parseInt(after.slice(-1), 16)
  return { start, end: pack(`${after.slice(0, -1)}${DIGITS[last + 1]}`) }
}

export const encodeNode = (children: readonly Summary[]): Uint8Array => {
  const writer = new ByteWriter(NODE_BYTES).u8(FORMAT_VERSION)
  for (const { count, hash } of children) writer.u32(count).fixed(digestToBytes(hash))
  return writer.finish()
}

/** @throws MeshError `ERR_STATE_CORRUPT` */
export const decodeNode = (prefix: string, value: Uint8Array): Summary[] => {
  if (value.length !== NODE_BYTES || value[0] !== FORMAT_VERSION) {
    throw new MeshError(
      'ERR_STATE_CORRUPT',
      `node "${prefix}" of a tree of hashes is damaged: ${value.length} bytes, version ${value[0]}`,
    )
  }
  const reader = new ByteReader(value.subarray(1))
  return DIGITS.map(() => ({ count: reader.u32(), hash: digestFromBytes(reader.fixed(32)) }))
}
