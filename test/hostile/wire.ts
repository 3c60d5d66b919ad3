/**
 * What a hostile peer says, put together from docs/protocols alone and with none of our encoders, so
 * that the pages are tried too. Integers are little-endian; a blob is its length in 4 bytes, then it.
 */
import { createHash } from 'node:crypto'
import type { SignedStatement } from '../../src/statement/index.ts'

type Bytes = Uint8Array

const u8 = (value: number): Bytes => Buffer.of(value)
const u16 = (value: number): Bytes => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}
const u32 = (value: number): Bytes => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const u64 = (value: number): Bytes => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
const blob = (bytes: Bytes | string): Bytes =>
  Buffer.concat([u32(Buffer.byteLength(bytes)), Buffer.from(bytes)])
const list = (items: readonly Bytes[]): Bytes => Buffer.concat([u32(items.length), ...items])
const hex = (digest: string): Bytes => Buffer.from(digest, 'hex')
/** docs/protocols/announce.md: length in one byte, then ASCII. */
const FILES = Buffer.concat([u8(5), Buffer.from('files')])

/** docs/protocols/statement.md, "Binary form". */
export const record = (
  { text, signatures, certificate }: Pick<SignedStatement, 'text' | 'signatures' | 'certificate'>,
  { type = 1, version = 1 }: { type?: number; version?: number } = {},
): Bytes =>
  Buffer.concat([
    u8(version),
    blob(text),
    list(
      signatures.map(({ key, signature }) =>
        Buffer.concat([u8(type), Buffer.from(key, 'hex'), signature]),
      ),
    ),
    blob(certificate?.text ?? ''),
  ])

export interface Claim {
  readonly record: Bytes
  readonly holds?: boolean
  readonly content?: Bytes | string
}

const claimed = (claims: readonly Claim[]): Bytes =>
  list(
    claims.map(({ record, holds = false, content }) =>
      Buffer.concat([
        u8((holds ? 1 : 0) | (content === undefined ? 0 : 2)),
        blob(record),
        content === undefined ? Buffer.alloc(0) : blob(content),
      ]),
    ),
  )

/** docs/protocols/announce.md, type 4. */
export const items = (...claims: readonly Claim[]): Bytes =>
  Buffer.concat([u8(4), FILES, claimed(claims)])

/** docs/protocols/announce.md, type 5. */
export const have = (...holdings: readonly { name: string; digest: string }[]): Bytes =>
  Buffer.concat([
    u8(5),
    FILES,
    list(holdings.map(({ name, digest }) => Buffer.concat([blob(name), hex(digest)]))),
  ])

/** docs/protocols/content.md, type 1. */
export const request = (name: string, digest: string, offset = 0): Bytes =>
  Buffer.concat([u8(1), FILES, blob(name), hex(digest), u64(offset)])

/** docs/protocols/content.md, type 2. */
export const found = (sizeBytes: number): Bytes => Buffer.concat([u8(2), u64(sizeBytes)])

/** docs/protocols/push-pull.md, type 1. */
export const round = (state: string): Bytes => Buffer.concat([u8(1), FILES, hex(state)])

/** docs/protocols/push-pull.md, types 2 and 13. */
export const EQUAL = u8(2)
export const DONE = u8(13)

/** docs/protocols/push-pull.md, "Words": the digest of names that are sorted by their bytes. */
export const digestOfNames = (names: readonly string[]): string =>
  createHash('sha256')
    .update(['mesh-names 1', ...names, ''].join('\n'))
    .digest('hex')

/** docs/protocols/push-pull.md, type 3; without `yours` the beginner's names are not known. */
export const differs = (names: string, root: string, yours = '00'.repeat(32)): Bytes =>
  Buffer.concat([u8(3), hex(names), hex(yours), hex(root)])

/** docs/protocols/push-pull.md, types 4 and 6. */
export const offerNames = (digest: string): Bytes => Buffer.concat([u8(4), hex(digest)])
export const namesPage = (names: readonly string[], last: boolean): Bytes =>
  Buffer.concat([u8(6), u8(last ? 1 : 0), list(names.map(blob))])

/** What one part of an answer to `get-ranges` says: shorts of ids, or fingerprints by digit. */
export type Range = { readonly shorts: number } | { readonly digits: number }

/** docs/protocols/push-pull.md, type 8, with shorts and fingerprints that are those of nothing. */
export const ranges = (parts: readonly Range[]): Bytes => {
  const many = (count: number): Bytes =>
    Buffer.concat(Array.from({ length: count }, (_, index) => Buffer.of(0, 0, 0, 0, index)))
  return Buffer.concat([
    u8(8),
    u16(parts.length),
    ...parts.map((part) =>
      'shorts' in part
        ? Buffer.concat([u8(part.shorts), many(part.shorts)])
        : Buffer.concat([u8(255), u16(2 ** part.digits - 1), many(part.digits)]),
    ),
  ])
}

/** docs/protocols/push-pull.md, type 10. */
export const lastItems = (...claims: readonly Claim[]): Bytes =>
  Buffer.concat([u8(10), u8(1), claimed(claims)])

/** docs/protocols/push-pull.md, type 12: all was kept. */
export const TAKEN_ALL = Buffer.concat([u8(12), u32(0)])

/** What a beginner says, as far as one needs to know it to answer; docs/protocols/push-pull.md. */
export const PUSH_PULL = {
  round: 1,
  differs: 3,
  offerNames: 4,
  getNames: 5,
  getRanges: 7,
  getItems: 9,
  putItems: 11,
  done: 13,
} as const

/** docs/protocols/push-pull.md, type 4: the digest that is offered. */
export const readOfferNames = (frame: Bytes): string => Buffer.from(frame).toString('hex', 1, 33)

/** docs/protocols/push-pull.md, type 7: how many ids a list may have, and digits of each prefix. */
export const readGetRanges = (
  frame: Bytes,
): { maxListIds: number; prefixes: readonly number[] } => {
  const view = Buffer.from(frame)
  const prefixes: number[] = []
  for (let at = 20, left = view.readUInt16LE(18); left > 0; left--) {
    const digits = view.readUInt8(at)
    prefixes.push(digits)
    at += 1 + Math.ceil(digits / 2)
  }
  return { maxListIds: view.readUInt8(17), prefixes }
}

/** docs/protocols/push-pull.md, type 11. */
export const putItems = (...claims: readonly Claim[]): Bytes =>
  Buffer.concat([u8(11), claimed(claims)])

/** docs/protocols/push-pull.md, type 12: positions of what was not kept. */
export const readTaken = (frame: Bytes): readonly number[] => {
  const view = Buffer.from(frame)
  if (view[0] !== 12) throw new Error(`message ${view[0]} instead of taken`)
  return Array.from({ length: view.readUInt32LE(1) }, (_, index) =>
    view.readUInt16LE(5 + 2 * index),
  )
}

/** docs/protocols/content.md, type 3. */
export const MISSING = u8(3)

/** docs/protocols/block-exchange.md, what the fetching side says. */
export const openBlocks = (id: number, name: string, digest: string, list: string): Bytes =>
  Buffer.concat([u8(1), u32(id), FILES, blob(name), hex(digest), hex(list)])
export const closeBlocks = (id: number): Bytes => Buffer.concat([u8(2), u32(id)])
export const askList = (id: number): Bytes => Buffer.concat([u8(3), u32(id)])
export const askBlocks = (id: number, indexes: readonly number[], insist = true): Bytes =>
  Buffer.concat([u8(4), u32(id), u8(insist ? 1 : 0), list(indexes.map(u32))])

/** docs/protocols/block-exchange.md, what a holder says. */
export const allBlocks = (id: number): Bytes => Buffer.concat([u8(17), u32(id)])
export const listPiece = (id: number, sizeBytes: number, offset: number, bytes: Bytes): Bytes =>
  Buffer.concat([u8(20), u32(id), u32(sizeBytes), u32(offset), bytes])
export const blockPiece = (id: number, index: number, offset: number, bytes: Bytes): Bytes =>
  Buffer.concat([u8(21), u32(id), u32(index), u32(offset), bytes])

/** What was asked of a holder, as far as one needs to know it to answer. */
export const readBlockRequest = (
  frame: Bytes,
): { readonly type: number; readonly id: number; readonly indexes: readonly number[] } => {
  const view = Buffer.from(frame)
  const type = view.readUInt8(0)
  const count = type === 4 ? view.readUInt32LE(6) : 0
  const indexes = Array.from({ length: count }, (_, at) => view.readUInt32LE(10 + 4 * at))
  return { type, id: view.readUInt32LE(1), indexes }
}

/** docs/protocols/peers.md. */
export const peerExchange = (
  others: readonly { key: string; locations: readonly string[] }[],
): Bytes =>
  Buffer.concat([
    u8(0),
    list([]),
    list(
      others
        .toSorted((a, b) => (a.key < b.key ? -1 : 1))
        .map(({ key, locations }) =>
          Buffer.concat([hex(key), list(locations.toSorted().map((each) => blob(each)))]),
        ),
    ),
  ])
