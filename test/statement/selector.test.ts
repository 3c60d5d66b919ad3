import fc from 'fast-check'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import {
  createSelection,
  isPattern,
  parsePattern,
  parseSelector,
} from '../../src/statement/index.ts'

const selection = (...selectors: string[]) => createSelection(selectors.map(parseSelector))

t.test('a pattern is a prefix and one star at the end', async (t) => {
  for (const text of ['certs/*', 'certs/web-*', 'host-*', 'a/b/c.*']) {
    t.equal(parsePattern(text), text)
    t.ok(isPattern(parseSelector(text)))
  }
  for (const text of [
    '*',
    'a',
    'a/*/b',
    'a**',
    '/*',
    'a//*',
    '-*',
    '../*',
    'a b*',
    `${'x'.repeat(255)}*`,
  ]) {
    t.throws(() => parsePattern(text), { code: 'ERR_FILE_NAME_INVALID' }, text)
  }
})

t.test('the star stands for one or more characters, but for no slash', async (t) => {
  const { has } = selection('certs/*', 'host-*')
  t.ok(has('certs/a'))
  t.ok(has('host-1'))
  for (const name of ['certs/', 'certs', 'certs/a/b', 'host-', 'host-a/b', 'motd'])
    t.notOk(has(name), name)
})

t.test(
  'a name by itself comes before a pattern, and the longer pattern before the shorter',
  async (t) => {
    const { find } = selection('certs/*', 'certs/web-*', 'certs/web-1')
    t.equal(find('certs/web-1'), 'certs/web-1')
    t.equal(find('certs/web-2'), 'certs/web-*')
    t.equal(find('certs/mail'), 'certs/*')
  },
)

t.test('what has to be a directory for another selector matches no pattern', async (t) => {
  const { has } = selection('certs/*', 'certs/web/index', 'certs/mail/*')
  t.notOk(has('certs/web'))
  t.notOk(has('certs/mail'))
  t.ok(has('certs/web/index'))
  t.ok(has('certs/mail/x'))
})

t.test(
  'a selection selects exactly what one of its selectors does, if nothing is nested',
  async () => {
    const part = fc.stringMatching(/^[ab]{1,3}$/)
    const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
    const matches = (selector: string, of: string): boolean =>
      selector.endsWith('*')
        ? of.length >= selector.length &&
          of.startsWith(selector.slice(0, -1)) &&
          !of.slice(selector.length - 1).includes('/')
        : selector === of
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            name,
            name.map((each) => `${each}*`),
          ),
          { maxLength: 5 },
        ),
        name,
        (selectors, of) => {
          const nested = selectors.some((selector) => selector.startsWith(`${of}/`))
          return (
            nested ||
            selection(...selectors).has(of) === selectors.some((each) => matches(each, of))
          )
        },
      ),
    )
  },
)

t.test('anything else is refused by a MeshError', async () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        return parseSelector(text) === text
      } catch (error) {
        return isMeshError(error, 'ERR_FILE_NAME_INVALID')
      }
    }),
  )
})
