/** What programs rely on: each command that reads says what its JSON is, and in which version. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { flattenCommands } from '../../src/cli/described.ts'
import { describeProgram } from '../../src/cli/whole.ts'
import { exitCodes } from '../../src/cli/exit.ts'

/** Commands without `--json`, and what they print instead. */
const without: Readonly<Record<string, string>> = {
  server: 'a log, which is JSON',
  'file sign': 'a statement, which has a form of its own',
  'file headers': 'arguments for curl',
  'file get': 'the content',
  'generate network': 'an id and nothing else: there is nothing to read',
  'generate psk': 'a key',
  'certificate sign': 'a certificate, which has a form of its own',
  'completion bash': 'a script',
  'completion zsh': 'a script',
  'completion fish': 'a script',
  'completion names': 'words for these scripts',
  manual: 'files',
}

const program = flattenCommands(await describeProgram())
const leaves = program.filter(({ commands }) => commands.length === 0)

t.test('every command that reads has --json', async (t) => {
  for (const { path, options } of leaves) {
    const name = path.slice(1).join(' ')
    const has = options.some(({ names }) => names.includes('--json'))
    t.equal(has, !Object.hasOwn(without, name), name)
  }
  for (const name of Object.keys(without)) {
    t.ok(
      leaves.some(({ path }) => path.slice(1).join(' ') === name),
      `${name} is a command`,
    )
  }
})

t.test('every kind of JSON has a name and a version', async (t) => {
  const directory = join(import.meta.dirname, '../../src/cli/commands')
  for (const file of readdirSync(directory)) {
    const text = readFileSync(join(directory, file), 'utf8')
    if (!text.includes('JSON_OPTION')) continue
    const found = new Set(
      [...text.matchAll(/'(mesh-[a-z-]+\/[1-9]\d*)'/g)].map(([, kind = '']) => kind),
    )
    t.ok(found.size > 0, `${file} prints JSON that says what it is`)
  }
})

t.test('exit codes are documented, each with a meaning of its own', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8')
  const codes = Object.values(exitCodes).map(({ code }) => code)
  t.equal(new Set(codes).size, codes.length)
  for (const { code, meaning } of Object.values(exitCodes)) {
    t.ok(page.includes(`| ${code} | ${meaning}`), `${code}`)
  }
})
