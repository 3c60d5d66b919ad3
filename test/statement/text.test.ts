import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { decodeStatement, encodeStatement } from '../../src/statement/index.ts'
import { MAX_CONTENT_BYTES, MAX_STATEMENT_BYTES } from '../../src/statement/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { codeOf } from '../keys/vectors.ts'
import { plain, plainText, statements, statementVectors } from './vectors.ts'
import type { FileName, NetworkId, Statement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

t.test('reads the golden texts and writes them again', async (t) => {
  for (const { why, text, id } of statementVectors.accepted) {
    t.equal(encodeStatement(decodeStatement(text)), text, why)
    t.equal(sha256(text), id)
    t.ok(text.length <= MAX_STATEMENT_BYTES)
  }
})

t.test('reads each line into its field', async (t) => {
  const digest = sha256('other')
  t.same(decodeStatement(statementVectors.accepted[1]?.text ?? ''), {
    network: 'mesh-0123456789abcdef',
    name: 'certs/example.org:443/chain_1.pem',
    version: 42,
    time: Date.parse('2026-01-31T12:00:00.000Z'),
    expires: Date.parse('2027-02-28T23:59:59.999Z'),
    replaces: digest,
    content: { digest: sha256('content'), sizeBytes: 7 },
    blocks: digest,
  })
  t.match(decodeStatement(statementVectors.accepted[2]?.text ?? ''), {
    content: 'deleted',
    expires: 'never',
    blocks: 'none',
  })
})

t.test('refuses the golden forgeries, naming the line', async (t) => {
  t.ok(statementVectors.refused.length > 100)
  for (const { why, text, line } of statementVectors.refused) {
    const wanted =
      line === undefined
        ? { code: 'ERR_STATEMENT_MALFORMED' }
        : { code: 'ERR_STATEMENT_MALFORMED', message: new RegExp(`line ${line} "`), data: { line } }
    t.throws(() => decodeStatement(text), wanted, why)
  }
})

t.test('says in words what is wrong', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['', /line 1 is ""; expected "mesh-file 1"/],
    [plainText.replace('file 1', 'file 2'), /line 1 is "mesh-file 2"; expected "mesh-file 1"/],
    [plainText.slice(0, -1), /the last line has no line feed/],
    [`${plainText}x\n`, /more than 9 lines: "x"/],
    [plainText.replace(/blocks.*\n/, ''), /line 9 "blocks" is missing/],
    [plainText.replace('time ', 'Time '), /line 5 is "Time .*expected "time", a space, a value/],
    [
      plainText.replace('version 1', 'version 0'),
      /line 4 "version" is "0"; expected a whole number from 1 to 9007199254740991/,
    ],
    [
      plainText.replace('name etc/motd', 'name ../motd'),
      /line 3 "name": "\.\.\/motd" is not a valid file name: it has a part "\.\."/,
    ],
    [plainText.replace(/ 7\n/, ' 68719476737\n'), /a size of at most 68719476736 bytes/],
    [
      plainText
        .replace(/content .*/, 'content deleted')
        .replace('never', '2027-01-01T00:00:00.000Z'),
      /"expires never"/,
    ],
    [
      plainText
        .replace(/content .*/, 'content deleted')
        .replace('blocks none', `blocks sha256:${sha256('')}`),
      /"blocks none"/,
    ],
  ]
  for (const [text, message] of cases) t.throws(() => decodeStatement(text), { message })
})

t.test('shows hostile values cut and in printable characters only', async (t) => {
  for (const value of ['\u001b[2J', '\u202e\u009b', 'x'.repeat(1500)]) {
    for (const field of ['network', 'name', 'version', 'time', 'content', 'blocks']) {
      const text = plainText.replace(new RegExp(`${field} .*`), () => `${field} ${value}`)
      try {
        decodeStatement(text)
        t.fail('it was taken')
      } catch (error) {
        t.match(String(error), /^[\x20-\x7e]{1,400}$/)
      }
    }
  }
})

t.test('encodes nothing that it would not read', async (t) => {
  const wrong: readonly Partial<Statement>[] = [
    { network: 'Example' as NetworkId },
    { network: 'a\nname b' as NetworkId },
    { name: '../a' as FileName },
    { name: 'a\nversion 2' as FileName },
    { version: 0 },
    { version: -1 },
    { version: 1.5 },
    { version: Number.NaN },
    { version: Number.MAX_SAFE_INTEGER + 1 },
    { version: 1e21 },
    { time: Number.NaN as Timestamp },
    { time: 1e20 as Timestamp },
    { time: 8e15 as Timestamp },
    { time: -1e14 as Timestamp },
    { expires: Number.POSITIVE_INFINITY as Timestamp },
    { content: { digest: sha256(''), sizeBytes: -1 } },
    { content: { digest: sha256(''), sizeBytes: MAX_CONTENT_BYTES + 1 } },
    { content: 'deleted', blocks: sha256('') },
    { content: 'deleted', expires: plain.time },
  ]
  for (const change of wrong) {
    t.throws(() => encodeStatement({ ...plain, ...change }), { code: 'ERR_STATEMENT_MALFORMED' })
  }
})

t.test('reads back every statement, and one text only for each', async (t) => {
  fc.assert(
    fc.property(statements, (statement) => {
      const text = encodeStatement(statement)
      t.same(decodeStatement(text), statement)
      return encodeStatement(decodeStatement(text)) === text && text.length <= MAX_STATEMENT_BYTES
    }),
    { numRuns: 300 },
  )
})

t.test('takes any text, throws nothing but its own error, and has one spelling', async (t) => {
  const texts = statementVectors.accepted.map(({ text }) => text)
  const near = fc
    .tuple(
      fc.constantFrom(...texts),
      fc.nat(1500),
      fc.string({ maxLength: 2, unit: 'binary' }),
      fc.nat(2),
    )
    .map(([text, at, insert, cut]) => {
      const index = at % text.length
      return text.slice(0, index) + insert + text.slice(index + cut)
    })
  const digits = fc
    .tuple(fc.constantFrom(...texts), fc.nat(1500), fc.nat(9))
    .map(([text, at, digit]) => {
      const index = at % text.length
      return /\d/.test(text[index] ?? '')
        ? text.slice(0, index) + digit + text.slice(index + 1)
        : text
    })
  let taken = 0
  fc.assert(
    fc.property(fc.oneof(near, digits, fc.string({ unit: 'binary' })), (text) => {
      const code = codeOf(() => decodeStatement(text))
      if (code !== undefined) return code === 'ERR_STATEMENT_MALFORMED'
      taken++
      return encodeStatement(decodeStatement(text)) === text
    }),
    { numRuns: 3000 },
  )
  t.ok(taken > 200, 'texts that are well formed were tried too')
})

t.test('refuses what is far too long before it looks at it', async (t) => {
  for (const text of ['x'.repeat(MAX_STATEMENT_BYTES + 1), plainText.repeat(1_000)]) {
    t.throws(() => decodeStatement(text), { message: /longer than 2048 bytes/ })
  }
})

t.test('what is read of a text does not keep the text', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const heapBytes = (): number => {
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  /** As long as there are any. */
  const directory = Array.from({ length: 4 }, () => 'x'.repeat(200)).join('/')
  const read = (index: number): string => {
    const name = `${directory}/${index}` as FileName
    // As it comes from outside: in one piece.
    const text = Buffer.from(encodeStatement({ ...plain, name })).toString()
    const { content } = decodeStatement(text)
    return content === 'deleted' ? content : content.digest
  }
  read(0)
  const before = heapBytes()
  const digests = Array.from({ length: 5_000 }, (_, index) => read(index))
  const took = (heapBytes() - before) / digests.length
  t.ok(took < 400, `${took.toFixed()} bytes for a digest`)
  t.equal(digests.length, 5_000)
})
