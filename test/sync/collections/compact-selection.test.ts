import fc from 'fast-check'
import t from 'tap'
import { createSelection, parseSelector } from '../../../src/statement/index.ts'
import { createCompactSelection } from '../../../src/sync/collections/compact-selection.ts'
import { MAX_LIST_PATTERNS } from '../../../src/sync/limits.ts'

const salt = Buffer.from('salt')
const part = fc.constantFrom('a', 'b', 'ab', 'web', 'web-1')
const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const selector = fc.oneof(
  name,
  name.map((text) => `${text}*`),
  name.map((text) => `${text}/*`),
)

t.test('says of every name what the selectors say', async (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(selector, { maxLength: 12 }), name, (unsorted, asked) => {
      const selectors = unsorted.toSorted()
      const builder = createCompactSelection(salt)
      for (const each of selectors) builder.add(each)
      return (
        builder.finish().has(asked) === createSelection(selectors.map(parseSelector)).has(asked)
      )
    }),
    { numRuns: 3000 },
  )
  t.pass('for 3000 lists')
})

t.test('180,000 names take less than 4 MB', async (t) => {
  const builder = createCompactSelection(salt)
  for (let index = 0; index < 180_000; index++) {
    builder.add(`certs/${String(index).padStart(8, '0')}.pem`)
  }
  const selection = builder.finish()
  t.ok(selection.sizeBytes < 4e6, `${selection.sizeBytes} bytes`)
  t.ok(selection.has('certs/00012345.pem'))
  t.notOk(selection.has('certs/99912345.pem'))
  t.notOk(selection.hasPatterns)
})

t.test('refuses what is no selector, and more patterns than may be', async (t) => {
  t.throws(() => createCompactSelection(salt).add('../x'), { code: 'ERR_FILE_NAME_INVALID' })
  const builder = createCompactSelection(salt)
  for (let count = 0; count < MAX_LIST_PATTERNS; count++) builder.add(`${count}*`)
  t.throws(() => builder.add('x*'), { code: 'ERR_PROTOCOL_MALFORMED' })
})
