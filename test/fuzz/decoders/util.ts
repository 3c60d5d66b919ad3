/** Spellings that every other decoder is made of. */
import {
  base58,
  ByteReader,
  digestFromBytes,
  formatDuration,
  formatSize,
  formatTimestamp,
  fromBase64,
  fromHex,
  fromUtf8,
  parseDigest,
  parseDuration,
  parseSize,
  parseTimestamp,
  toBase64,
  toHex,
  utf8,
} from '../../../src/util/index.ts'
import { holds, sameBytes, sameText } from '../engine.ts'
import type { Decoder, Input } from '../engine.ts'

/** One that answers `undefined` to what it does not like, and has one spelling for each value. */
const spelling = <T>(
  name: string,
  seeds: readonly string[],
  read: (text: string) => T | undefined,
  write: (value: T) => string,
): Decoder => ({
  name,
  text: true,
  seeds,
  run: (input) => {
    const value = read(input.text)
    if (value !== undefined) sameText(write(value), input)
  },
})

const quantity = (
  name: string,
  seeds: readonly string[],
  read: (text: string) => number | undefined,
  write: (value: number) => string,
): Decoder => ({
  name,
  text: true,
  seeds,
  run: ({ text }) => {
    const value = read(text)
    if (value === undefined) return
    holds(Number.isSafeInteger(value) && value >= 0, `${value} is no whole number`)
    holds(read(write(value)) !== undefined || value > 2 ** 50, 'what is shown cannot be read')
  },
})

/** Reads as a hostile writer would have it: whatever the bytes say comes next. */
const readAll = ({ bytes }: Input): void => {
  const [kind = 0] = bytes
  const reader = new ByteReader(bytes.subarray(1))
  if (kind % 5 === 0) reader.list(1_000, (each) => each.bytes(1_000))
  else if (kind % 5 === 1) reader.list(1_000, (each) => each.text(1_000))
  else if (kind % 5 === 2) reader.list(2 ** 20, (each) => each.u8())
  else if (kind % 5 === 3) holds(Number.isSafeInteger(reader.u53()), 'not a safe integer')
  else [reader.u8(), reader.u16(), reader.u32(), reader.fixed(3), reader.bytes(2 ** 30)]
  reader.end()
}

export const utilDecoders: readonly Decoder[] = [
  spelling('util/bytes.ts#fromHex', ['00ff', 'ab'.repeat(40)], fromHex, toHex),
  spelling('util/bytes.ts#fromBase64', ['AAAA', 'TWVzaA=='], fromBase64, toBase64),
  {
    ...spelling('util/bytes.ts#base58', ['12D3KooW', '1'], base58.decode, base58.encode),
    // Its time grows with the square of the length: readers of peer ids look at that first.
    maxBytes: 64,
  },
  {
    name: 'util/bytes.ts#fromUtf8',
    seeds: ['plain', 'é😀', '\ufeffbom', ''],
    run: (input) => {
      const text = fromUtf8(input.bytes)
      if (text !== undefined) sameBytes(utf8(text), input)
    },
  },
  spelling('util/digest.ts#parseDigest', ['0f'.repeat(32)], parseDigest, (digest) => digest),
  {
    name: 'util/digest.ts#digestFromBytes',
    seeds: [Buffer.alloc(32, 7)],
    run: ({ bytes }) => {
      if (bytes.length === 32) holds(parseDigest(digestFromBytes(bytes)) !== undefined, 'no digest')
    },
  },
  spelling(
    'util/timestamp.ts#parseTimestamp',
    ['2026-01-31T12:00:00.000Z', '0000-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
    parseTimestamp,
    formatTimestamp,
  ),
  quantity(
    'util/quantity.ts#parseDuration',
    ['30s', '1.5h', '250ms', '14d'],
    parseDuration,
    formatDuration,
  ),
  quantity('util/quantity.ts#parseSize', ['64MiB', '1.5 GiB', '0B'], parseSize, formatSize),
  {
    name: 'util/codec.ts#ByteReader',
    seeds: [
      Buffer.from('000200000001000000aa0100000062', 'hex'),
      Buffer.from('010100000001000000 61'.replace(' ', ''), 'hex'),
      Buffer.from('0202000000aabb', 'hex'),
      Buffer.from('03ffffffffffff1f00', 'hex'),
    ],
    run: readAll,
  },
]
