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
]
