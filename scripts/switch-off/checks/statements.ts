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
  ...checksOf('files/authority', 'files/policy', [
    [
      'delete signers',
      'lets only delete signers delete and change the expiry',
      [
        'if (deleteSigners.size === 0 || mayDelete(set, authority)) yield { keys: set }\n  }',
        'yield { keys: set }\n  }',
      ],
    ],
    [
      'network keys of a namespace',
      'a namespace follows the network keys of now',
      ['networkKeys.has(certificate.signer) &&', ''],
    ],
    [
      'namespaces of a certificate',
      'lets a node write its own name in a namespace of its certificate, and no other',
      ['certificate.certificate.namespaces.includes(namespace) &&', ''],
    ],
    [
      'revocation of who signs in a namespace',
      'a revoked node publishes nothing any more, and what it published is hidden',
      ['certificate === undefined || isRevoked(signed, certified)', 'certificate === undefined'],
    ],
  ]),
  ...checksOf('files/judge', 'files/policy', [
    [
      'change of an expiry',
      'lets only delete signers delete and change the expiry',
      ['  checkExpiry(signed, authority, before)\n', ''],
    ],
    [
      'lowest version of an upload',
      'neither shows nor takes what is below the lowest version',
      ['if (statement.version < minVersion) {', 'if (false) {'],
    ],
    [
      'signature of the certificate in a namespace',
      'lets a node write its own name in a namespace of its certificate, and no other',
      ['    !verifyStatementCertificate(certificate)\n', "    certificate.text === ''\n"],
    ],
  ]),
  ...checksOf('files/judge', 'files/judge', [
    [
      'what an upload is meant to replace',
      'an upload is refused that is meant to replace something else',
      ['if (unexpected !== undefined) throw unexpected', ''],
    ],
  ]),
  ...checksOf('files/quota', 'files/policy', [
    [
      'names of one signer under a pattern',
      'one signer cannot use up the names of another',
      [
        'if (names.length < rule.maxFiles || names[placeOf(names, name)] === name) return true',
        'if (names.length >= 0) return true',
      ],
    ],
  ]),
  ...checksOf('files/kept', 'files/kept', [
    [
      'expiries that a signer invents',
      'a signer that invents expiries pushes out nothing of others',
      ['if (same.length <= MAX_EXPIRIES_PER_SIGNER_SET) return []', 'return []'],
    ],
  ]),
  ...checksOf('trust/lines', 'trust/trust', [
    [
      'size of the files of the network',
      'refuses bytes that are no text, and files above their limits',
      ['if (bytes.length > maxBytes) throw malformed', 'if (false) throw malformed'],
    ],
  ]),
  ...checksOf('daemon/trust-files', 'daemon/trust-files', [
    [
      'network of the files of the network',
      'a malformed list, or one of another network, changes nothing and is told',
      [
        'return value.network === init.network ? value : wrongNetwork(name, value.network)',
        'return value',
      ],
    ],
    [
      'signer of a list that was kept',
      'a tombstone ends it, and so does the withdrawal of the key that signed',
      [
        'before === undefined || !isSignedBy(before, init.networkKeys()) ? [] : [before]',
        'before === undefined ? [] : [before]',
      ],
    ],
  ]),
  ...checksOf('trust/revocations', 'trust/trust', [
    [
      'order of revocations',
      'refuses golden malformed revocations, by name',
      ['if (revocation.key <= before) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('files/authority', 'files/policy', [
    [
      'network of the certificate in a namespace',
      'lets a node write its own name in a namespace of its certificate, and no other',
      ['    certificate.certificate.network === network &&\n', ''],
    ],
    [
      'key of the certificate in a namespace',
      'lets a node write its own name in a namespace of its certificate, and no other',
      ['signatures[0]?.key === certificate.certificate.key', 'signatures[0] !== undefined'],
    ],
  ]),
  ...checksOf('files/judge', 'files/judge', [
    [
      'expired uploads',
      'refuses an upload of what has expired',
      ['if (isExpired(signed, nowMs)) {', 'if (false) {'],
    ],
  ]),
]
