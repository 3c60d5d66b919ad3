import { createDigester } from '../util/index.ts'
import { createBlockList } from './block-list.ts'
import { createCutter } from './cutter.ts'
import type { Digest } from '../util/index.ts'
import type { BlockList, BlockRef } from './block-list.ts'

/** A block found in a stream, and where it began. */
export interface FoundBlock extends BlockRef {
  readonly offset: number
}

/** What was found when the stream has ended. */
export interface Chunked {
  /** SHA-256 of the whole content. */
  readonly digest: Digest
  readonly list: BlockList
}

/** Cuts content that comes in pieces and hashes its blocks, in constant memory besides the list. */
export interface Lister {
  /** Takes the next bytes, without keeping them; answers the blocks that end in them. */
  update(piece: Uint8Array): readonly FoundBlock[]
  /**
   * Ends the content.
   *
   * @throws MeshError `ERR_PROTOCOL_MALFORMED` if it is larger than a list can describe.
   */
  end(): BlockList
}

/** The blocks of a content; its own digest is somebody else's work, and may be done elsewhere. */
export const createLister = (): Lister => {
  const cutter = createCutter()
  const blocks: FoundBlock[] = []
  let current = createDigester()
  let offset = 0
  let sizeBytes = 0

  const grow = (bytes: Uint8Array): void => {
    current.update(bytes)
    sizeBytes += bytes.length
  }
  const close = (): void => {
    blocks.push({ digest: current.digest(), sizeBytes, offset })
    offset += sizeBytes
    sizeBytes = 0
    current = createDigester()
  }

  return {
    update(piece) {
      const before = blocks.length
      let at = 0
      while (at < piece.length) {
        const cut = cutter.next(piece, at)
        grow(piece.subarray(at, cut < 0 ? piece.length : cut))
        if (cut < 0) break
        close()
        at = cut
      }
      return blocks.slice(before)
    },
    end() {
      if (sizeBytes > 0) close()
      return createBlockList(blocks.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })))
    },
  }
}

/** A {@link Lister} that works out the digest of the whole as well. */
export interface Chunker extends Pick<Lister, 'update'> {
  /** As {@link Lister.end}. */
  end(): Chunked
}

/** One pass over a content: its digest, and the digest of each block. */
export const createChunker = (): Chunker => {
  const content = createDigester()
  const lister = createLister()
  return {
    update(piece) {
      content.update(piece)
      return lister.update(piece)
    },
    end: () => ({ digest: content.digest(), list: lister.end() }),
  }
}
