import fc from 'fast-check'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { createChunker, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES } from '../../src/chunk/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { vectorPath } from '../vectors/make.ts'
import { keystream } from './contents.ts'
import type { Chunked } from '../../src/chunk/index.ts'

const MIB = 2 ** 20
const { valid } = JSON.parse(readFileSync(vectorPath('block-list'), 'utf8'))

const chunk = (content: Uint8Array, pieceBytes = content.length || 1): Chunked => {
  const chunker = createChunker()
  for (let at = 0; at < content.length; at += pieceBytes) {
    chunker.update(content.subarray(at, at + pieceBytes))
  }
  return chunker.end()
}

/** The same cuts as the protocol page words them, one byte after the other. */
const cutsBySpecification = (content: Uint8Array): number[] => {
  const gear = Array.from({ length: 256 }, (_, value) =>
    createHash('sha256').update(`mesh-chunk 1 gear ${value}`).digest().readUInt32LE(0),
  )
  const sizes: number[] = []
  let size = 0
  let hash = 0
  for (const byte of content) {
    size++
    if (size <= 256 * 1024) continue
    hash = (hash * 2 + (gear[byte] ?? 0)) % 2 ** 32
    const zeroBits = size <= 1024 * 1024 ? 22 : 18
    if (hash < 2 ** (32 - zeroBits) || size === 4 * 1024 * 1024) {
      sizes.push(size)
      size = 0
      hash = 0
    }
  }
  return size > 0 ? [...sizes, size] : sizes
}

t.test('golden vectors are cut as they say', async (t) => {
  for (const { title, content, digest, blocks } of valid) {
    const bytes =
      'zeros' in content ? Buffer.alloc(content.zeros) : keystream(content.seed, content.sizeBytes)
    const found = chunk(bytes)
    t.same(found.list.blocks, blocks, title)
    t.equal(found.digest, digest, title)
  }
})

t.test('the fast loop cuts where the protocol page says', async (t) => {
  const content = keystream(7, 12 * MIB)
  t.same(
    chunk(content).list.blocks.map((block) => block.sizeBytes),
    cutsBySpecification(content),
  )
})

t.test('cuts do not depend on the pieces that content comes in', async (t) => {
  const content = keystream(8, 6 * MIB)
  const whole = chunk(content)
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 3 * MIB }), (pieceBytes) =>
      t.same(chunk(content, pieceBytes), whole),
    ),
    { numRuns: 10 },
  )
})

t.test('each block is told once, when it has ended, with its offset and digest', async (t) => {
  const content = keystream(9, 8 * MIB)
  const chunker = createChunker()
  const found = []
  for (let at = 0; at < content.length; at += 65_536) {
    found.push(...chunker.update(content.subarray(at, at + 65_536)))
  }
  const { list } = chunker.end()
  t.ok(found.length > 2)
  t.same(
    found.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })),
    list.blocks.slice(0, found.length),
  )
  for (const { offset, sizeBytes, digest } of found) {
    t.equal(sha256(content.subarray(offset, offset + sizeBytes)), digest)
  }
})

t.test('sizes stay within their limits whatever the content', async (t) => {
  for (const content of [Buffer.alloc(9 * MIB), Buffer.alloc(9 * MIB, 255), randomBytes(9 * MIB)]) {
    const { blocks } = chunk(content).list
    for (const { sizeBytes } of blocks.slice(0, -1)) t.ok(sizeBytes >= MIN_CHUNK_BYTES)
    for (const { sizeBytes } of blocks) t.ok(sizeBytes <= MAX_CHUNK_BYTES)
  }
})

t.test('a changed MiB in the middle changes a few blocks, inserted bytes too', async (t) => {
  const content = keystream(10, 64 * MIB)
  const before = new Set(chunk(content).list.blocks.map((block) => block.digest))
  const moved = (changed: Uint8Array): number =>
    chunk(changed)
      .list.blocks.filter((block) => !before.has(block.digest))
      .reduce((sum, block) => sum + block.sizeBytes, 0)
  const replaced = Buffer.from(content)
  keystream(11, MIB).copy(replaced, 30 * MIB + 12_345)
  const inserted = Buffer.concat([
    content.subarray(0, 20 * MIB + 1),
    Buffer.from('a few bytes'),
    content.subarray(20 * MIB + 1),
  ])
  t.ok(moved(replaced) <= 8 * MIB, `${moved(replaced)} bytes moved`)
  t.ok(moved(inserted) <= 8 * MIB, `${moved(inserted)} bytes moved`)
})

t.test('the average size is near a MiB', async (t) => {
  const { blocks, sizeBytes } = chunk(keystream(12, 128 * MIB)).list
  const average = sizeBytes / blocks.length
  t.ok(average > 0.9 * MIB && average < 1.4 * MIB, `${average}`)
})
