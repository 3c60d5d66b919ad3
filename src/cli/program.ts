import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { clean } from './terminal.ts'
import { tree } from './tree.ts'
import type { Context } from './context.ts'
import type { Branch, Leaf } from './tree.ts'

/** Of package.json: what `mesh --version` prints. */
export const readVersion = (): string => {
  const path = join(import.meta.dirname, '../../package.json')
  const { version }: { readonly version?: unknown } = JSON.parse(readFileSync(path, 'utf8'))
  return typeof version === 'string' ? version : 'unknown'
}

const isLeaf = (entry: Branch | Leaf): entry is Leaf => 'load' in entry

/** What every command has in common. */
const prepare = (command: Command, { out, err }: Context): Command =>
  command
    .exitOverride()
    .helpOption('-h, --help', 'show this help')
    .configureHelp({ helpWidth: Math.min(out.columns, 80), showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => void process.stdout.write(text),
      writeErr: (text) => void process.stderr.write(text),
      outputError: (text, write) => {
        const message = clean(
          text
            .trim()
            .replace(/^error: /, '')
            .replaceAll('\n', ' '),
        )
        write(`${err.style('red', 'mesh:')} ${message}; see mesh ${pathOf(command)}--help\n`)
      },
    })

/** `file update `, or nothing for the program itself. */
const pathOf = (command: Command): string => {
  const names: string[] = []
  for (let each: Command | null = command; each?.parent != null; each = each.parent) {
    names.unshift(each.name())
  }
  return names.map((name) => `${name} `).join('')
}

const toSentence = (summary: string): string =>
  `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`

/**
 * Adds a command as far as `words`, the words of the command line, lead: only the one that is going
 * to run is loaded, the others are a name and a line for the help.
 */
const grow = async (
  parent: Command,
  entry: Branch | Leaf,
  context: Context,
  words: readonly string[] | 'all',
): Promise<void> => {
  const wanted = words === 'all' || words[0] === entry.name
  const rest = words === 'all' ? words : words.slice(1)
  const command = wanted && isLeaf(entry) ? (await entry.load())(context) : new Command()
  command.name(entry.name).summary(entry.summary)
  if (command.description() === '') command.description(toSentence(entry.summary))
  parent.addCommand(prepare(command, context))
  if (isLeaf(entry)) return
  command.helpCommand(false)
  for (const child of entry.commands) await grow(command, child, context, wanted ? rest : [])
}

/**
 * The program for one command line, or with `all` for every one (the manual).
 */
export const buildProgram = async (
  context: Context,
  words: readonly string[] | 'all',
): Promise<Command> => {
  const program = prepare(new Command('mesh'), context)
    .description('Distributes signed files across machines that talk to each other directly.')
    .version(readVersion(), '-V, --version', 'show the version')
    .helpCommand(false)
    // `mesh file update --version 3` is about the file's version, not ours.
    .enablePositionalOptions()
  for (const entry of tree) await grow(program, entry, context, words)
  return program
}
