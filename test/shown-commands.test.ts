/**
 * Every block of shell that the documentation shows is typed by a test, or is named here with the reason why none
 * does; every command of ours that a sentence shows is one that there is, with options that it has.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { flattenCommands } from '../src/cli/described.ts'
import { describeProgram } from '../src/cli/whole.ts'
import type { Described } from '../src/cli/described.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...globSync('docs/**/*.md', { cwd: root }),
]
  .filter((page) => !page.startsWith('docs/decisions/'))
  .sort()

/** Tests that type a page, and all of it or what it marks. */
const TYPED: Readonly<Record<string, { readonly test: string; readonly what: 'all' | 'marked' }>> =
  {
    'README.md': { test: 'test/integration/readme.test.ts', what: 'marked' },
    'docs/client.md': { test: 'test/integration/package.test.ts', what: 'marked' },
    'docs/http-api.md': { test: 'test/integration/documented.test.ts', what: 'marked' },
    'docs/migration.md': { test: 'test/integration/migration.test.ts', what: 'all' },
    'docs/operations.md': { test: 'test/integration/operations.test.ts', what: 'all' },
    'docs/protocols/certificate.md': { test: 'test/integration/stock-tools.test.ts', what: 'all' },
    'docs/protocols/statement.md': { test: 'test/integration/stock-tools.test.ts', what: 'all' },
    'docs/tutorial.md': { test: 'test/integration/tutorial.test.ts', what: 'all' },
  }

const blocksOf = (page: string) =>
  [
    ...read(page).matchAll(
      /(?:^<!-- (not run|test|what happened): (.*) -->\n)?^```(?:sh|bash|console|shell)\n([\s\S]*?)^```/gm,
    ),
  ].map(([, mark, said = '', typed = '']) => ({ mark, said, first: typed.split('\n')[0] ?? '' }))

t.test('every block of shell is typed by a test, or says why not', async (t) => {
  let count = 0
  for (const page of pages) {
    for (const { mark, said, first } of blocksOf(page)) {
      count++
      const typed = TYPED[page]
      if (mark === 'not run') t.ok(said.length > 20, `${page}: ${first}: a reason`)
      else if (typed?.what === 'marked') t.equal(mark, 'test', `${page}: ${first}: is marked`)
      else t.ok(typed, `${page}: ${first}: is typed`)
      if (mark !== 'test' || typed === undefined) continue
      t.ok(read(typed.test).includes(said), `${typed.test} types the block ${said}`)
    }
  }
  t.ok(count > 40, `${count} blocks`)
  for (const [page, { test }] of Object.entries(TYPED))
    t.ok(read(test).includes(page.split('/').at(-1) ?? ''), test)
})

const commands = new Map(
  flattenCommands(await describeProgram()).map((each) => [each.path.join(' '), each] as const),
)

/** The command that the words begin with, and what comes after its name. */
const find = (words: readonly string[]): { command: Described; rest: readonly string[] } => {
  for (let count = words.length; count > 0; count--) {
    const command = commands.get(words.slice(0, count).join(' '))
    if (command !== undefined) return { command, rest: words.slice(count) }
  }
  throw new Error('mesh itself is always there')
}

/** What is wrong with a command line of ours; words in capitals stand for something. */
const judge = (line: string): string | undefined => {
  const words = line.split(/\s+/)
  const { command, rest } = find(words)
  if (rest[0] === 'COMMAND') return undefined
  if (command.path.length === 1 && rest.some((word) => !word.startsWith('-')))
    return 'no such command'
  if (command.commands.length > 0 && rest.some((word) => /^[a-z]/.test(word))) {
    return `no such command below ${command.path.join(' ')}`
  }
  // Not told by --help, as data-mesher has it: docs/migration.md.
  const known = new Set(['--key-path', ...command.options.flatMap(({ names }) => names)])
  if (command.path.length === 1) known.add('--version').add('-V')
  const unknown = rest
    .filter((word) => /^--?[a-z]/.test(word))
    .map((word) => word.replace(/=.*$/, ''))
    .find((word) => !known.has(word))
  return unknown === undefined ? undefined : `no option ${unknown}`
}

t.test('sees a command and an option that there is not', async (t) => {
  t.equal(judge('mesh file list --json'), undefined)
  t.equal(judge('mesh fiel list'), 'no such command')
  t.equal(judge('mesh file lost motd'), 'no such command below mesh file')
  t.equal(judge('mesh file list --jsn'), 'no option --jsn')
})

t.test('every command in a sentence is one that there is', async (t) => {
  let count = 0
  for (const page of pages) {
    const prose = read(page).replaceAll(/^```[\s\S]*?^```/gm, '')
    // Between backquotes a command may go on in the next line.
    for (const [, shown = ''] of prose.matchAll(/`(mesh (?!server\.)[^`]+)`/g)) {
      const [line = ''] = shown.replaceAll(/\s+/g, ' ').split(/ (?:'|\||&&|<|>)/)
      if (/^mesh-|^mesh (?:[A-Z]|…|\d)/.test(line)) continue
      count++
      const problem = judge(line)
      if (problem !== undefined) t.fail(`${page}: ${line}: ${problem}`)
    }
  }
  t.ok(count > 100, `${count} commands`)
})
