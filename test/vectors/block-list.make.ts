/** Writes block-list.json: `node test/vectors/block-list.make.ts`. */
import { createChunker, encodeBlockList } from '../../src/chunk/index.ts'
import { sha256, toHex } from '../../src/util/index.ts'
import { keystream } from '../chunk/contents.ts'
import { writeVectors } from './make.ts'
import type { BlockRef } from '../../src/chunk/index.ts'

const vector = (
  title: string,
  content: { seed: number; sizeBytes: number } | { zeros: number },
) => {
  const bytes =
    'zeros' in content ? Buffer.alloc(content.zeros) : keystream(content.seed, content.sizeBytes)
  const chunker = createChunker()
  chunker.update(bytes)
  const { digest, list } = chunker.end()
  const encoded = encodeBlockList(list)
  return {
    ...{ title, content, digest, blocks: list.blocks, listDigest: sha256(encoded) },
    ...(encoded.length < 300 ? { bytes: toHex(encoded) } : {}),
  }
}

const entry = (sizeBytes: number): string => {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(sizeBytes)
  return '11'.repeat(32) + size.toString('hex')
}
const list = (...sizes: number[]): string => {
  const count = Buffer.alloc(4)
  count.writeUInt32LE(sizes.length)
  return `0101${count.toString('hex')}${sizes.map(entry).join('')}`
}

writeVectors('block-list', () => ({
  about:
    'Content is AES-128-CTR over zeros with a key of 16 times the seed and counter 0, or zeros; blocks are how it is cut; bytes is the encoded list.',
  valid: [
    vector('nothing', { zeros: 0 }),
    vector('one byte', { seed: 1, sizeBytes: 1 }),
    vector('the least size', { seed: 1, sizeBytes: 256 * 1024 }),
    vector('zeros are cut at the largest size', { zeros: 9 * 2 ** 20 }),
    vector('sixteen MiB', { seed: 2, sizeBytes: 16 * 2 ** 20 }),
    vector('an odd size', { seed: 3, sizeBytes: 5_000_003 }),
  ] satisfies { blocks: readonly BlockRef[] }[],
  invalid: [
    { title: 'nothing at all', bytes: '' },
    { title: 'another version', bytes: '020100000000' },
    { title: 'another way to cut', bytes: '010200000000' },
    { title: 'an empty block', bytes: list(0) },
    { title: 'a small block before the last', bytes: list(1000, 1000) },
    { title: 'a block that is too large', bytes: list(4 * 2 ** 20 + 1) },
    { title: 'fewer entries than counted', bytes: list(1000, 1000).slice(0, -72) },
    { title: 'bytes left over', bytes: `${list(1000)}00` },
    { title: 'more entries than may be', bytes: '0101ffffffff' },
  ],
}))
