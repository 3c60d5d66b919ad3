/** Holds docs/operations.md against the code. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { daemonExit } from '../../src/daemon/index.ts'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs', 'operations.md'), 'utf8')
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(join(root, 'src', path), 'utf8'))

t.test('every health warning is on the page, and every one on the page exists', async (t) => {
  const told = [...page.matchAll(/^\| `([a-z-]+)` \| (?:error|warning) \|/gm)].map(
    ([, code]) => code,
  )
  const raised = sources
    .filter((text) => text.includes('.raise('))
    .flatMap((text) => [...text.matchAll(/code: '([a-z]+(?:-[a-z]+)+)'/g)].map(([, code]) => code))
  for (const code of raised) t.ok(told.includes(code), `${code} is told of`)
  for (const code of told) {
    t.ok(
      sources.some((text) => text.includes(`'${code}'`)),
      `${code} is raised somewhere`,
    )
  }
  t.equal(new Set(told).size, told.length)
})

t.test('every exit code is on the page', async (t) => {
  const told = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
  t.same(told, Object.values(daemonExit))
})
