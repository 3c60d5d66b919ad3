import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  createBlockList,
  decodeBlockList,
  encodeBlockList,
  MAX_BLOCK_LIST_BYTES,
  MAX_BLOCKS,
  MAX_CHUNK_BYTES,
  MIN_CHUNK_BYTES,
} from '../../src/chunk/index.ts'
import { isMeshError } from '../../src/errors/index.ts'
import { sha256, toHex } from '../../src/util/index.ts'
import { vectorPath } from '../vectors/make.ts'
import type { BlockRef } from '../../src/chunk/index.ts'

const { valid, invalid } = JSON.parse(readFileSync(vectorPath('block-list'), 'utf8'))
const digest = sha256('block')

t.test('golden vectors decode and encode to the same bytes', async (t) => {
  for (const { title, blocks, bytes, listDigest } of valid) {
    const encoded = encodeBlockList(createBlockList(blocks))
    t.equal(sha256(encoded), listDigest, title)
    if (bytes !== undefined) t.equal(toHex(encoded), bytes, title)
    t.same(decodeBlockList(encoded).blocks, blocks, title)
  }
})

t.test('bytes that no list encodes to are refused', async (t) => {
  for (const { title, bytes } of invalid) {
    const decode = () => decodeBlockList(Buffer.from(bytes, 'hex'))
    t.throws(decode, { code: 'ERR_PROTOCOL_MALFORMED' }, title)
  }
})

const blocks: fc.Arbitrary<BlockRef[]> = fc.array(
  fc.record({
    digest: fc.string().map((text) => sha256(text)),
    sizeBytes: fc.integer({ min: MIN_CHUNK_BYTES, max: MAX_CHUNK_BYTES }),
  }),
)

t.test('every list decodes to itself', async () => {
  fc.assert(
    fc.property(blocks, (blocks) => {
      const list = createBlockList(blocks)
      const decoded = decodeBlockList(encodeBlockList(list))
      return t.same(decoded, list)
    }),
    { numRuns: 50 },
  )
})

t.test('changed bytes decode to what encodes to them, or are refused by name', async () => {
  fc.assert(
    fc.property(blocks, fc.nat(), fc.integer({ min: 0, max: 255 }), (blocks, where, value) => {
      const bytes = Buffer.from(encodeBlockList(createBlockList(blocks)))
      bytes[where % bytes.length] = value
      try {
        return bytes.equals(encodeBlockList(decodeBlockList(bytes)))
      } catch (error) {
        return isMeshError(error) && error.code === 'ERR_PROTOCOL_MALFORMED'
      }
    }),
  )
})

t.test('a list of as many blocks as may be fits in a block, and one more is refused', async (t) => {
  const small = { digest, sizeBytes: MIN_CHUNK_BYTES }
  const most = createBlockList(Array.from({ length: MAX_BLOCKS }, () => small))
  t.ok(encodeBlockList(most).length <= MAX_BLOCK_LIST_BYTES)
  t.throws(() => createBlockList([...most.blocks, small]), { code: 'ERR_PROTOCOL_MALFORMED' })
})

t.test('more content than a list may describe is refused', async (t) => {
  const large = { digest, sizeBytes: MAX_CHUNK_BYTES }
  const most = Array.from({ length: 16 * 1024 }, () => large)
  t.equal(createBlockList(most).sizeBytes, 64 * 1024 ** 3)
  t.throws(() => createBlockList([...most, large]), { code: 'ERR_PROTOCOL_MALFORMED' })
})
