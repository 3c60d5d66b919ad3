import fc from 'fast-check'
import { parse } from 'smol-toml'
import t from 'tap'
import { createSource } from '../../src/config/source.ts'
import { isTable } from '../../src/config/toml.ts'
import type { ConfigPath } from '../../src/config/index.ts'

/** Text from where `path` is found to the end of that line. */
const found = (text: string, path: ConfigPath): string => {
  const { line, column } = createSource(text).locate(path)
  return (text.split('\n')[line - 1] ?? '').slice(column - 1)
}

t.test('finds keys however they are written', async (t) => {
  const text = [
    '# [not.a.table]',
    'plain = 1 # = 2',
    '"quoted.key" = "a # b = c"',
    "'literal' = 'it \\'",
    'dotted . inner."x y" = true',
    'date = 1979-05-27 07:32:00',
    'long = """',
    'fake = 1 """"',
    'after = 2',
    "list = [ 'a', # comment ]",
    '  { inline = { deep = [1, 2] }, "\\u0078" = 3 }, [[4], 5] ]',
    '[ table . "sub.table" ]',
    'key = 1',
    '[[many]]',
    'first = 1',
    '[[many]]',
    'second = 2',
    '[many.inner]',
    'third = 3',
  ].join('\n')
  parse(text)
  t.equal(found(text, ['plain']), 'plain = 1 # = 2')
  t.equal(found(text, ['quoted.key']), '"quoted.key" = "a # b = c"')
  t.equal(found(text, ['literal']), "'literal' = 'it \\'")
  t.equal(found(text, ['dotted']), 'dotted . inner."x y" = true')
  t.equal(found(text, ['dotted', 'inner', 'x y']), '"x y" = true')
  t.equal(found(text, ['date']), 'date = 1979-05-27 07:32:00')
  t.equal(found(text, ['after']), 'after = 2')
  t.equal(found(text, ['list', 0]), "'a', # comment ]")
  t.equal(found(text, ['list', 1, 'inline', 'deep', 1]), '2] }, "\\u0078" = 3 }, [[4], 5] ]')
  t.equal(found(text, ['list', 1, 'x']), '"\\u0078" = 3 }, [[4], 5] ]')
  t.equal(found(text, ['list', 2, 1]), '5] ]')
  t.equal(found(text, ['table', 'sub.table']), '"sub.table" ]')
  t.equal(found(text, ['table', 'sub.table', 'key']), 'key = 1')
  t.equal(found(text, ['many', 0, 'first']), 'first = 1')
  t.equal(found(text, ['many', 1, 'second']), 'second = 2')
  t.equal(found(text, ['many', 1, 'inner', 'third']), 'third = 3')
})

t.test('finds the nearest thing around what is missing', async (t) => {
  const text = '[network]\nkeys = ["a"]\n'
  t.equal(found(text, ['network', 'id']), 'network]')
  t.equal(found(text, ['network', 'keys', 7]), 'keys = ["a"]')
  t.equal(found(text, ['nothing']), '[network]')
})

t.test('counts lines with carriage returns and skips a byte order mark', async (t) => {
  t.same(createSource('\uFEFFa = 1\r\nb = 2\r\n').locate(['b']), { line: 2, column: 1 })
  t.same(createSource('\uFEFFa = 1\r\n').locate(['a']), { line: 1, column: 2 })
})

t.test('quotes a line with a mark, cut around it where it is long', async (t) => {
  const text = `key = "${'x'.repeat(200)}"\nother = 1`
  const source = createSource(text)
  t.equal(source.excerpt({ line: 2, column: 7 }), '    2 | other = 1\n      |       ^')
  const [line = '', mark = ''] = source.excerpt({ line: 1, column: 150 }).split('\n')
  t.ok(line.length < 90, 'fits a terminal')
  t.equal(line[mark.indexOf('^')], 'x')
  t.match(source.excerpt({ line: 1, column: 1 }, 'key'), /key = …/)
  t.equal(source.excerpt({ line: 1, column: 1 }, 'nothing'), '')
})

t.test('never quotes a line with a secret in it', async (t) => {
  const text = 'signer = "-----BEGIN OPENSSH PRIVATE KEY-----\\nabc"'
  t.equal(createSource(text).excerpt({ line: 1, column: 1 }), '')
})

const scalar = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.string().filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text)),
)
const key = fc.string({ minLength: 1, unit: fc.constantFrom(...'ab.# ="\'[]{},é') })
const value = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, tie('list'), tie('table')),
  list: fc.array(tie('value'), { maxLength: 3 }),
  table: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
}))

const write = (input: unknown): string => {
  if (Array.isArray(input)) return `[ ${input.map(write).join(' ,\n# ] }\n')} ]`
  if (typeof input === 'object' && input !== null) {
    const pairs = Object.entries(input).map(
      ([name, each]) => `${JSON.stringify(name)} = ${write(each)}`,
    )
    return `{ ${pairs.join(', ')} }`
  }
  return JSON.stringify(input)
}

const pathsOf = (input: unknown, path: ConfigPath = []): ConfigPath[] => {
  const entries: [string | number, unknown][] = Array.isArray(input)
    ? [...input.entries()]
    : isTable(input)
      ? Object.entries(input)
      : []
  return entries.flatMap(([name, each]) => [[...path, name], ...pathsOf(each, [...path, name])])
}

t.test('finds every key and item of any document', async (t) => {
  fc.assert(
    fc.property(fc.dictionary(key, value.value, { maxKeys: 5 }), (document) => {
      const text = Object.entries(document)
        .map(([name, each]) => `  ${JSON.stringify(name)}\t= ${write(each)} # x = [`)
        .join('\n')
      const table = parse(text)
      for (const path of pathsOf(table)) {
        const last = path.at(-1)
        const start = typeof last === 'string' ? JSON.stringify(last) : undefined
        const rest = found(text, path)
        if (start !== undefined && !rest.startsWith(start)) throw new Error(`${path}: ${rest}`)
      }
    }),
  )
  t.pass('held')
})

t.test('ends on any text, valid or not', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab.#="\'[]{},\n \\') }), (text) => {
      createSource(text).locate(['a', 0, 'b'])
    }),
  )
  t.pass('held')
})
