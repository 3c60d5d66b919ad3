import { checksOf } from '../table.ts'
import type { Check } from '../table.ts'

const TAMPERED = 'refuses a statement of which any line was changed after signing'
const NOT_FOR_US = 'refuses from anybody what is for others, or signed by nobody who may'

/** Statements: who may say what. */
export const statements: readonly Check[] = [
  ...checksOf('files/judge', 'files/judge', [
    ['signature of a statement', TAMPERED, ['if (!verifyEntry(signed, entry)) {', 'if (false) {']],
    [
      'signature of one that is kept already',
      'refuses a bad signature on a statement that is kept already',
      ['entry.key === key && equalBytes(entry.signature, signature),', 'entry.key === key,'],
    ],
    [
      'allowed signers',
      NOT_FOR_US,
      [
        'const signed = countedBy(given, rule.authority)',
        'const signed = countedBy(given, rule.authority) ?? given',
      ],
      ['if (!suffices(signed, rule.authority))', 'if (false)'],
    ],
    ['network of a statement', NOT_FOR_US, ['statement.network !== network', 'false']],
    [
      'order of versions for uploads',
      'refuses an upload of an older version',
      ['if (equalLoses || compareStatements(signed, winner) < 0) {', 'if (false) {'],
    ],
    [
      'jump of versions',
      'refuses an upload of a jump of versions',
      ['> MAX_VERSION_JUMP && from.force !== true', '> Number.MAX_SAFE_INTEGER'],
    ],
    [
      'time ahead of the clock',
      'refuses an upload of a time far ahead',
      ['if (aheadMs > MAX_TIME_AHEAD_MS) {', 'if (false) {'],
    ],
    [
      'size limit for uploads',
      'refuses an upload of content above the limit',
      [
        "if (content === 'deleted' || !isTooLarge(signed, policy)) return",
        "if (content === 'deleted' || signed !== undefined) return",
      ],
    ],
  ]),
  ...checksOf('files/judge', 'files/publisher', [
    [
      'size limit for content from peers',
      'applies mode and size limit of a new policy',
      ['&& content.sizeBytes > maxContentBytes(signed, policy)', '&& false'],
    ],
    [
      'expiry',
      'hides a file when it expires, and shows it again when the clock was wrong',
      ["return end !== 'never' && end <= nowMs", 'return end < nowMs && nowMs < 0'],
    ],
  ]),
  ...checksOf('files/judge', 'files/policy', [
    [
      'number of signatures that a file needs',
      'refuses what has too few signatures, and says how many are missing',
      ['if (!suffices(signed, rule.authority))', 'if (false)'],
    ],
  ]),
  ...checksOf('statement/signed', 'statement/signed', [
    [
      'order of versions',
      'orders by version, then time, then id',
      ['a.statement.version - b.statement.version ||', ''],
    ],
    [
      'number of signatures',
      'sorts signatures and refuses none, two by one key, and too many',
      ['if (signatures.length > MAX_SIGNATURES) {', 'if (false) {'],
    ],
  ]),
]
