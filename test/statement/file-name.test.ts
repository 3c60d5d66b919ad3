import fc from 'fast-check'
import t from 'tap'
import { findNameClashes, isReservedName, parseFileName } from '../../src/statement/index.ts'
import { codeOf } from '../keys/vectors.ts'
import { fileNames } from './vectors.ts'

const names = (...texts: readonly string[]) => texts.map(parseFileName)

t.test('takes names of all allowed characters, up to the limits', async (t) => {
  for (const name of [
    'a',
    '_',
    '.hidden',
    '...',
    '..a',
    'a..',
    ':',
    'a-',
    'a.b-c_d:e',
    'A/b/C',
    'etc/ssl/example.org:443/chain_1.pem',
    '_mesh/revoked',
    'n'.repeat(255),
    `${'n'.repeat(255)}/${'n'.repeat(255)}/${'n'.repeat(255)}/${'n'.repeat(254)}/n`,
    `${'a/'.repeat(511)}ab`,
  ]) {
    t.equal(parseFileName(name), name)
  }
})

t.test('says which rule a name breaks', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['', /it is empty/],
    ['/', /empty part/],
    ['/etc/passwd', /empty part/],
    ['a/', /empty part/],
    ['a//b', /empty part/],
    ['.', /a part "\."/],
    ['..', /a part "\.\."/],
    ['../a', /a part "\.\."/],
    ['a/../../b', /a part "\.\."/],
    ['a/.', /a part "\."/],
    ['-rf', /begins with "-"/],
    ['a/-b', /begins with "-"/],
    ['a b', /only A-Z/],
    ['a\\b', /only A-Z/],
    ['a\nb', /only A-Z/],
    ['a\n', /only A-Z/],
    ['a\0', /only A-Z/],
    ['a%2e%2e', /only A-Z/],
    ['~', /only A-Z/],
    ['ä', /only A-Z/],
    ['a\u202eb', /only A-Z/],
    ['a*', /only A-Z/],
    ['n'.repeat(256), /a part is longer than 255/],
    [`${'a/'.repeat(512)}a`, /longer than 1024/],
    ['x'.repeat(2_000_000), /longer than 1024/],
  ]
  for (const [name, message] of cases) {
    t.throws(
      () => parseFileName(name),
      { code: 'ERR_FILE_NAME_INVALID', message },
      name.slice(0, 40),
    )
  }
})

t.test('shows a hostile name cut and in printable characters only', async (t) => {
  for (const name of ['\u001b[2Jx', 'a\u202e\u009bb', 'x\n'.repeat(1000)]) {
    try {
      parseFileName(name)
      t.fail('it was taken')
    } catch (error) {
      t.match(String(error), /^[\x20-\x7e]{1,300}$/)
    }
  }
})

t.test('knows the names that belong to the network', async (t) => {
  const judged = names('_mesh', '_mesh/revoked', '_mesh2', '_meshes/a', 'a/_mesh', '_Mesh/a')
  t.same(judged.map(isReservedName), [true, true, false, false, false, true])
})

t.test('finds names that cannot be files side by side', async (t) => {
  t.same(findNameClashes(names('a', 'b', 'a/b'.replace('/', '-'), 'ab', 'b2/a')), [])
  t.same(findNameClashes(names('a', 'a')), [], 'equal names do not clash')
  t.same(findNameClashes(names('a/b', 'a')), [{ a: 'a', b: 'a/b', kind: 'prefix' }])
  t.same(findNameClashes(names('a/b/c', 'a', 'a/b')), [
    { a: 'a', b: 'a/b', kind: 'prefix' },
    { a: 'a', b: 'a/b/c', kind: 'prefix' },
    { a: 'a/b', b: 'a/b/c', kind: 'prefix' },
  ])
  t.same(findNameClashes(names('etc/Motd', 'etc/motd')), [
    { a: 'etc/Motd', b: 'etc/motd', kind: 'case' },
  ])
  t.same(findNameClashes(names('Etc', 'etc/motd')), [{ a: 'Etc', b: 'etc/motd', kind: 'prefix' }])
  t.same(findNameClashes(names('A/x', 'a/y')), [], 'directories may differ in case')
})

t.test('finds a clash exactly where a pair has one', async (t) => {
  const few = fc.array(fc.stringMatching(/^[aA](\/[bB]){0,2}$/).map(parseFileName), {
    maxLength: 5,
  })
  const clash = (a: string, b: string): boolean => {
    const [x, y] = [a.toLowerCase(), b.toLowerCase()]
    if (a === b) return false
    return x === y || x.startsWith(`${y}/`) || y.startsWith(`${x}/`)
  }
  fc.assert(
    fc.property(few, (all) => {
      const any = all.some((a) => all.some((b) => clash(a, b)))
      return any === findNameClashes(all).length > 0
    }),
  )
  t.pass()
})

t.test('takes every name that the rules make, and any text without another error', async (t) => {
  fc.assert(fc.property(fileNames, (name) => parseFileName(name) === name))
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const code = codeOf(() => parseFileName(text))
      return code === undefined
        ? /^[A-Za-z0-9_.:/-]{1,1024}$/.test(text)
        : code === 'ERR_FILE_NAME_INVALID'
    }),
  )
  t.pass()
})
