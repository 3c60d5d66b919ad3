import { checksOf } from '../table.ts'
import type { Check } from '../table.ts'

const FORGERIES = 'refuses the golden forgeries, naming the line'

/** Spelling: one text for one fact. */
export const spelling: readonly Check[] = [
  ...checksOf('statement/text', 'statement/text', [
    [
      'canonical text (each field, and the whole)',
      FORGERIES,
      ['/^(?:0|[1-9][0-9]{0,15})$/', '/^[0-9]{1,16}$/'],
      ['if (write(statement) !== text)', 'if (false)'],
    ],
    [
      'length of a statement',
      'refuses what is far too long before it looks at it',
      ['if (text.length > MAX_STATEMENT_BYTES)', 'if (false)'],
    ],
  ]),
  ...checksOf('statement/file-name', 'statement/file-name', [
    [
      'names that climb out',
      'says which rule a name breaks',
      ["if (part === '.' || part === '..')", "if (part === '.')"],
    ],
    [
      'characters of names',
      'says which rule a name breaks',
      ['if (!/^[A-Za-z0-9_.:-]*$/.test(part))', 'if (false)'],
    ],
    [
      'length of names',
      'says which rule a name breaks',
      ['if (text.length > MAX_NAME_BYTES)', 'if (false)'],
    ],
    [
      'names that cannot live together',
      'finds names that cannot be files side by side',
      ["clashes.push({ a: shorter, b: name, kind: 'prefix' })", 'continue'],
    ],
  ]),
  ...checksOf('config/files', 'config/files', [
    [
      'reserved names',
      'refuses entries that could not work',
      ['return isReservedName(name)\n', 'return isReservedName(name) && false\n'],
    ],
  ]),
  ...checksOf('statement/statement-file', 'statement/statement-file', [
    [
      'purpose of a signature in a file',
      'keeps signatures to their purpose',
      ['if (namespace === STATEMENT_NAMESPACE) return', 'if (namespace) return'],
    ],
  ]),
  ...checksOf('http/statement-headers', 'http/upload', [
    [
      'purpose of a signature in an upload',
      'refuses each wrong field with its own code and stores nothing',
      ['namespace !== STATEMENT_NAMESPACE', 'false'],
    ],
  ]),
  ...checksOf('keys/sshsig', 'keys/sshsig', [
    [
      'length of a signature file',
      'refuses what is far too long before it looks at it',
      ['if (blob.length > MAX_SSHSIG_BYTES) throw', 'if (false) throw'],
      ['if (text.length > MAX_SSHSIG_TEXT_BYTES) {', 'if (false) {'],
    ],
    [
      'spelling of a signature',
      'refuses the golden forgeries',
      [
        "if (reader.string('the reserved field').length > 0) throw",
        "if (reader.string('the reserved field').length < 0) throw",
      ],
    ],
  ]),
  ...checksOf('statement/binary', 'statement/binary', [
    [
      'order of signatures in a record',
      'refuses every part that is wrong, naming it',
      ['if (before !== undefined && before >= key) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('statement/statement-file', 'statement/statement-file', [
    [
      'number of signatures in a file',
      'says what is wrong with a file',
      ['if (blocks.length > MAX_SIGNATURES) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('util/codec', 'util/codec', [
    [
      'end of a message',
      'trailing bytes, long lengths, high counts and high numbers are refused',
      ['if (this.left > 0) throw malformed', 'if (false) throw malformed'],
    ],
    [
      'length within a message',
      'trailing bytes, long lengths, high counts and high numbers are refused',
      ['if (length > maxBytes) throw malformed', 'if (false) throw malformed'],
    ],
    [
      'count within a message',
      'trailing bytes, long lengths, high counts and high numbers are refused',
      ['if (count > max) throw malformed', 'if (false) throw malformed'],
    ],
  ]),
]
