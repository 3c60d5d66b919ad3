import { checksOf } from '../table.ts'
import type { Check } from '../table.ts'

/** Blocks: kept, moved and checked. */
export const blocks: readonly Check[] = [
  ...checksOf('sync/blocks/reader', 'sync/blocks/opens', [
    [
      'rate of contents that are opened',
      'who opens and closes a large content for ever is looked up for so often',
      ['if (waitMs > 0) await sleep(clock, waitMs, signal)', ''],
    ],
  ]),
  ...checksOf('sync/blocks/read-window', 'sync/blocks/read-through', [
    [
      'digest of a block that is read through',
      'nothing wrong is handed on, and whoever sends it is blamed',
      ['if (digest === undefined || sha256(bytes) !== digest) {', 'if (digest === undefined) {'],
    ],
    [
      'bytes that are asked for ahead of a reader',
      'no more is fetched than is read, however long the reader pauses',
      ['if (this.#windowBytes > 0 && this.#windowBytes + block.sizeBytes > maxBytes) break', ''],
    ],
  ]),
  ...checksOf('sync/blocks/read-through', 'sync/blocks/read-through', [
    [
      'number of contents that are read through',
      'so many at once, and a place is free when a reader has gone',
      ['if (running >= MAX_READ_THROUGHS) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('blocks/blocks', 'blocks/blocks', [
    [
      'digest of a block that is stored',
      'refuses bytes that are not the block, and blocks that are too large',
      ['if (sha256(bytes) === digest) return\n', 'if (bytes) return\n'],
    ],
    [
      'size of a block',
      'refuses bytes that are not the block, and blocks that are too large',
      ['if (bytes.length > limits.MAX_BLOCK_BYTES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('blocks/depot', 'blocks/blocks', [
    [
      'digest of a block on the disk',
      'puts damage aside, says so, asks for it again, and is content afterwards',
      [
        'file.sizeBytes === sizeBytes && sha256(bytes) === digest\n',
        'file.sizeBytes === sizeBytes\n',
      ],
    ],
    [
      'digest of a block in a file that is shown',
      'puts damage aside, says so, asks for it again, and is content afterwards',
      [
        "bytes.length === sizeBytes && sha256(bytes) === digest ? bytes : 'wrong'",
        "bytes.length === sizeBytes ? bytes : 'wrong'",
      ],
    ],
  ]),
  ...checksOf('blocks/assembly', 'blocks/blocks', [
    [
      'digest of a block that comes in',
      'puts a content together in any order and serves it meanwhile',
      ['if (sha256(bytes) !== digest)\n', 'if (false)\n'],
    ],
    [
      'blocks left over from a former run',
      'goes on with what is right of an assembly after a restart',
      ['!isZero(probe) && (await readRight(index)) !== undefined', '!isZero(probe)'],
    ],
  ]),
  ...checksOf('blocks/room', 'blocks/blocks', [
    [
      'quota of blocks',
      'refuses what is above the quota after making room, and says so',
      ['components.storedBytes() + promised + sizeBytes > quotaBytes', 'false'],
    ],
  ]),
  ...checksOf('chunk/block-list', 'chunk/block-list', [
    [
      'number of blocks in a list',
      'a list of as many blocks as may be fits in a block, and one more is refused',
      ['if (blocks.length > MAX_BLOCKS)\n', 'if (false)\n'],
    ],
    [
      'size of what a list describes',
      'more content than a list may describe is refused',
      ['if (sizeBytes > MAX_LISTED_CONTENT_BYTES) {', 'if (false) {'],
    ],
    [
      'sizes of blocks in a list',
      'bytes that no list encodes to are refused',
      ['if (block.sizeBytes < least || block.sizeBytes > MAX_CHUNK_BYTES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('sync/blocks/answers', 'sync/blocks/server', [
    [
      'answers that are not read',
      'a member that opens for ever and never reads is not read from either',
      ['while (unread > MAX_UNREAD_ANSWERS && !stream.signal.aborted) {', 'while (false) {'],
    ],
  ]),
]
