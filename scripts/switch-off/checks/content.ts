import { checksOf } from '../table.ts'
import type { Check } from '../table.ts'

/** Content. */
export const content: readonly Check[] = [
  ...checksOf('files/staging', 'files/judge', [
    [
      'hash of content',
      'wants an upload to bring its content, right to the last byte',
      ['if (digest !== expected.digest)', 'if (false)'],
    ],
  ]),
  ...checksOf('files/staging', 'files/staging', [
    [
      'length of content',
      'reads no further than the piece that is too much',
      ['if (staged.sizeBytes + piece.length > expected.sizeBytes) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('files/verifier', 'files/open', [
    [
      'hash of what lies on the disk',
      'finds bytes that changed without a trace when it reads each file once',
      ['if (digest === contentDigest(shown.signed)) {', 'if (digest !== undefined) {'],
    ],
    [
      'fingerprint of what lies on the disk',
      'hands nothing out that was changed on the disk while the daemon ran',
      ['if (stat?.fingerprint === shown.fingerprint) {', 'if (stat !== undefined) {'],
    ],
  ]),
  ...checksOf('files/staging', 'files/staging', [
    [
      'block list of an upload',
      'checks the blocks against the signed list in the same pass',
      ['if (found !== expected.blocks) throw', 'if (false) throw'],
    ],
    [
      'block list of what was put together',
      'takes over what was put together of checked blocks, without reading it',
      ['if (assembled.blocks !== expected.blocks) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('files/judge', 'files/staging', [
    [
      'large content without a block list',
      'refuses large content that has no block list, and says what makes one',
      [
        "statement.blocks === 'none' ? Math.min(maxSizeBytes, MAX_WHOLE_CONTENT_BYTES) : maxSizeBytes",
        "statement.blocks === 'none' ? maxSizeBytes : maxSizeBytes",
      ],
    ],
  ]),
  ...checksOf('sync/content/segments', 'sync/content/fetcher', [
    [
      'pieces of a content from several holders',
      'a liar that spoils the second half of an honest one is found',
      ['if (segment.digester?.digest() !== expected) liars.add(segment.peer)', ''],
    ],
  ]),
  ...checksOf('sync/content/holder-stream', 'sync/content/fetcher', [
    [
      'length of what a holder sends',
      'what no honest holder sends is blamed',
      ['if (leftBytes < 0) throw', 'if (false) throw'],
    ],
    [
      'small pieces of a content',
      'what no honest holder sends is blamed',
      ['if (leftBytes > 0 && frame.length < MIN_CONTENT_FRAME_BYTES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('cli/commands/file-get', 'cli/commands/file-get', [
    [
      'content that a daemon hands out',
      'gives out nothing of content that is not what was signed',
      ['if (length !== content.sizeBytes || digester.digest() !== content.digest) throw wrong', ''],
    ],
    [
      'name that a daemon hands out',
      'refuses another file, a changed statement and no statement',
      ['if (signed.statement.name !== name) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('sync/content/rate', 'sync/content/fetcher', [
    [
      'a holder below the least rate',
      'a holder that trickles is left for a better one',
      ['      if (windowBytes < (hasChoice() ? FAIR_RATE_BYTES : MIN_RATE_BYTES)) return\n', ''],
    ],
    [
      'a slow holder where there is a choice',
      'a holder just above the least rate is left for one that was not tried',
      [
        'hasChoice() ? FAIR_RATE_BYTES : MIN_RATE_BYTES',
        'hasChoice() ? MIN_RATE_BYTES : MIN_RATE_BYTES',
      ],
    ],
  ]),
]
