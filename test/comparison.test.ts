/** Holds docs/comparison.md against the tests that it names, and its notes against each other. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/comparison.md'), 'utf8')
const [tables = '', sources = ''] = page.split('\n## Sources\n')

/** Cells of each row that compares. */
const rows = tables
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| feature'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

t.test('each feature of ours names a test that exists', async (t) => {
  t.ok(rows.length > 30)
  for (const [feature = '', ours = ''] of rows) {
    // What we lack needs no test.
    if (/^(no|not yet|young.*)$/.test(ours)) continue
    const named = [...ours.matchAll(/`(test\/[\w./-]+\.test\.ts)`(?: "([^"]+)")?/g)]
    if (named.length === 0) t.fail(`${feature} names no test`)
    for (const [, path = '', title] of named) {
      if (!existsSync(join(root, path))) t.fail(`${feature}: there is no ${path}`)
      else if (title !== undefined) {
        const text = readFileSync(join(root, path), 'utf8')
        t.ok(text.includes(`'${title}'`), `${feature}: ${path} has "${title}"`)
      }
    }
  }
})

t.test('each row has a cell for each of the four', async (t) => {
  for (const cells of rows) {
    t.equal(cells.length, 5, `${cells[0]}`)
    t.notOk(cells.includes(''), `${cells[0]}`)
  }
})

t.test('what is said of others has a source, and every source is used', async (t) => {
  const known = [...sources.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number))
  t.same(
    known,
    known.map((_, index) => index + 1),
  )
  const used = new Set<number>()
  for (const [feature = '', , ...others] of rows) {
    for (const cell of others) {
      const notes = [...cell.matchAll(/\[(\d+)\]/g)].map(([, number]) => Number(number))
      for (const note of notes) used.add(note)
      const isClaim = !/^(–|no|\*\*yes, that is what it is for\*\*)$/.test(cell)
      if (isClaim && notes.length === 0) t.fail(`${feature}: "${cell}" has no source`)
    }
  }
  t.same(
    [...used].sort((a, b) => a - b),
    known,
  )
})

t.test('the table in the README has the same features, with the same tests', async (t) => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const section = readme.split('\n## How it compares\n')[1]?.split('\n## ')[0] ?? ''
  const told = section
    .split('\n')
    .filter((line) => /^\| (?!feature)/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  t.same(
    told.map(([, feature]) => feature),
    rows.map(([feature]) => feature),
  )
  for (const [index, [, feature = '', ours = '', ...others]] of told.entries()) {
    const [, wanted = '', ...theirs] = rows[index] ?? []
    const link = /\]\(([^)]+)\)/.exec(ours)?.[1]
    const test = /`(test\/[\w./-]+)`/.exec(wanted)?.[1]
    if (link !== test) t.equal(link, test, feature)
    // What the page says nothing of, the table does not either.
    for (const [column, cell] of theirs.entries()) {
      t.equal(others[column] === '–', cell === '–', `${feature}: ${cell}`)
    }
  }
})
