/** Holds README.md of this folder against the tests that it names. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '../..')
const rows = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, attack, file, title] = /^\| (.*?) \| `(test\/.*?)` \| (.*?) \|$/.exec(line) ?? []
    if (attack === undefined || file === undefined || title === undefined) return []
    return [{ attack, file, title }]
  })

t.test('every test that the table names exists', async (t) => {
  t.ok(rows.length > 30, `${rows.length} rows`)
  for (const { attack, file, title } of rows) {
    const source = readFileSync(join(root, file), 'utf8')
    const quoted = [`'${title}'`, `\`${title}\``]
    t.ok(
      quoted.some((each) => source.includes(each)),
      `${attack}: ${title}`,
    )
  }
})

t.test('no attack stands there twice', async (t) => {
  const attacks = rows.map(({ attack }) => attack)
  t.strictSame(
    attacks.filter((each, index) => attacks.indexOf(each) !== index),
    [],
  )
})
