import { MeshError } from '../errors/index.ts'
import { ByteReader, ByteWriter, digestFromBytes, digestToBytes, sha256 } from '../util/index.ts'
import { MAX_BLOCK_LIST_BYTES, MAX_BLOCKS, MAX_CHUNK_BYTES } from './limits.ts'
import { MAX_LISTED_CONTENT_BYTES, MIN_CHUNK_BYTES } from './limits.ts'
import type { Digest } from '../util/index.ts'

const VERSION = 1
/** How the chunks were cut: the only way so far, that of `createCutter`. */
const CUT_FASTCDC_1 = 1

/** One block of a content: its bytes' SHA-256 and their count. */
export interface BlockRef {
  readonly digest: Digest
  readonly sizeBytes: number
}

/** The blocks of a content, in order; what a statement's `blocks` line is the digest of. */
export interface BlockList {
  readonly blocks: readonly BlockRef[]
  /** Of the content: the sum of the blocks. */
  readonly sizeBytes: number
}

const malformed = (why: string): MeshError =>
  new MeshError('ERR_PROTOCOL_MALFORMED', `a block list is malformed: ${why}`)

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` for sizes that no cut makes. */
export const createBlockList = (blocks: readonly BlockRef[]): BlockList => {
  let sizeBytes = 0
  for (const [index, block] of blocks.entries()) {
    const least = index === blocks.length - 1 ? 1 : MIN_CHUNK_BYTES
    if (block.sizeBytes < least || block.sizeBytes > MAX_CHUNK_BYTES) {
      throw malformed(
        `block ${index} has ${block.sizeBytes} bytes, not ${least} to ${MAX_CHUNK_BYTES}`,
      )
    }
    sizeBytes += block.sizeBytes
  }
  if (blocks.length > MAX_BLOCKS)
    throw malformed(`${blocks.length} blocks, more than ${MAX_BLOCKS}`)
  if (sizeBytes > MAX_LISTED_CONTENT_BYTES) {
    throw malformed(`${sizeBytes} bytes of content, more than ${MAX_LISTED_CONTENT_BYTES}`)
  }
  return { blocks, sizeBytes }
}

/** The one encoding of a list; its SHA-256 goes into the statement. */
export const encodeBlockList = ({ blocks }: BlockList): Uint8Array =>
  new ByteWriter(6 + 36 * blocks.length)
    .u8(VERSION)
    .u8(CUT_FASTCDC_1)
    .list(blocks, (writer, block) => {
      writer.fixed(digestToBytes(block.digest)).u32(block.sizeBytes)
    })
    .finish()

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` for anything that {@link encodeBlockList} does not write. */
export const decodeBlockList = (bytes: Uint8Array): BlockList => {
  if (bytes.length > MAX_BLOCK_LIST_BYTES) {
    throw malformed(`${bytes.length} bytes, more than ${MAX_BLOCK_LIST_BYTES}`)
  }
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version !== VERSION) throw malformed(`version ${version}, not ${VERSION}`)
  const cut = reader.u8()
  if (cut !== CUT_FASTCDC_1) throw malformed(`cut in a way ${cut} that is not known here`)
  const blocks = reader.list(MAX_BLOCKS, (each) => ({
    digest: digestFromBytes(each.fixed(32)),
    sizeBytes: each.u32(),
  }))
  reader.end()
  return createBlockList(blocks)
}

/** What a statement's `blocks` line says of this list. */
export const blockListDigest = (list: BlockList): Digest => sha256(encodeBlockList(list))
