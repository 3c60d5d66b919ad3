/** Holds docs/migration.md against what a configuration may be. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkConfig } from '../../src/config/index.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/migration.md'), 'utf8')
const block = (name: string): string =>
  new RegExp(`<!-- test: ${name} -->\\n\`\`\`toml\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? ''

t.test('of a data-mesher’s configuration only the interface has to be written anew', async (t) => {
  const { problems } = checkConfig(block('before'), { path: '/etc/dm.toml' })
  t.match(
    problems.map(({ key }) => key),
    ['http.interface'],
  )
  t.match(problems, [{ message: /known here: listen, port/, line: 9 }])
})

t.test('what the page makes of it is a configuration', async (t) => {
  const { problems, config } = checkConfig(block('after'), { path: '/etc/dm.toml' })
  t.same(problems, [])
  t.match(config, {
    network: { id: 'clan' },
    http: { port: 7331 },
    cluster: { pushPullIntervalMs: 30_000 },
    files: [{ name: 'config.json' }],
  })
})
