/** That the table of checks fits the source; what it says is shown by `./dev switch-off`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { applyEdits } from '../../scripts/switch-off/apply.ts'
import { checks } from '../../scripts/switch-off/checks.ts'
import { limitsOf, linesOf, stoodFor, withoutRow } from '../../scripts/switch-off/limits.ts'
import { checksPage } from '../../scripts/switch-off/page.ts'

const root = join(import.meta.dirname, '../..')

t.test('every check can be switched off', async (t) => {
  for (const { name, edits } of checks) {
    t.doesNotThrow(() => applyEdits(root, edits), name)
    t.ok(edits.length > 0, `${name}: something is changed`)
  }
})

/** Titles of the tests in a file; of a family of tests, a pattern with what is put in left open. */
const titlesIn = (text: string): RegExp[] =>
  [...text.matchAll(/\btest\(\s*(['`])(.*?)\1,/g)].map(([, , title = '']) => {
    const parts = title.split(/\$\{[^}]*\}/)
    return new RegExp(`^${parts.map((part) => part.replaceAll(/[^\w ]/g, '\\$&')).join('.+')}$`)
  })

const contracts = ['blocks', 'disk', 'store', 'transport'].flatMap((name) =>
  titlesIn(readFileSync(join(root, 'test/contracts', `${name}.ts`), 'utf8')),
)

t.test('every test that is named is there', async (t) => {
  for (const { name, test, title } of checks) {
    const titles = [...titlesIn(readFileSync(join(root, test), 'utf8')), ...contracts]
    t.ok(
      titles.some((each) => each.test(title)),
      `${name}: ${title}`,
    )
  }
})

t.test('no check is there twice', async (t) => {
  t.equal(new Set(checks.map(({ name }) => name)).size, checks.length)
})

t.test('every limit has a row, one that stands for it, or a reason', async (t) => {
  const lines = checks.map((check) => linesOf(root, check)).join('\n')
  const placesOf = (limit: string): string[] => [
    ...(new RegExp(`\\b${limit}\\b`).test(lines) ? ['in a row'] : []),
    ...(limit in stoodFor ? ['stood for'] : []),
    ...withoutRow.filter(({ limits }) => limits.includes(limit)).map(({ why }) => why),
  ]
  const limits = limitsOf(root)
  for (const limit of limits) t.equal(placesOf(limit).length, 1, `${limit}: ${placesOf(limit)}`)
  const exempt = [...Object.keys(stoodFor), ...withoutRow.flatMap(({ limits }) => limits)]
  for (const limit of exempt) t.ok(limits.includes(limit), `${limit} is a limit`)
  for (const row of Object.values(stoodFor)) {
    t.ok(
      checks.some(({ name }) => name === row),
      `the row: ${row}`,
    )
  }
})

t.test('the page shows the table as it is', async (t) => {
  const page = readFileSync(join(root, 'docs/checks.md'), 'utf8')
  t.equal(page, checksPage(), 'run: node scripts/docs.ts')
})
