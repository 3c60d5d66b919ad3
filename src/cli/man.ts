import { exitCodes } from './exit.ts'
import { flattenCommands } from './described.ts'
import type { Described, DescribedArgument, DescribedOption } from './described.ts'

/** One manual page. */
export interface ManPage {
  /** As `mesh-file-update.1`. */
  readonly file: string
  /** roff, for man(7). */
  readonly text: string
}

/** Text as roff sets it: nothing in it is a request, and a hyphen stays one that can be copied. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .split('\n')
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join('\n')

const bold = (text: string): string => `\\fB${roff(text)}\\fR`
const italic = (text: string): string => `\\fI${roff(text)}\\fR`

const pageName = ({ path }: Described): string => path.join('-')

const showArgument = ({ name, required, variadic }: DescribedArgument): string => {
  const shown = `${italic(name)}${variadic ? '...' : ''}`
  return required ? shown : `[${shown}]`
}

const synopsis = (command: Described): string => {
  const rest = command.commands.length > 0 ? [italic('command')] : []
  const args = command.arguments.map(showArgument)
  return [bold(command.path.join(' ')), '[options]', ...rest, ...args].join(' ')
}

const describeOption = ({ names, value, choices, about }: DescribedOption): string => {
  const shown = names.map(bold).join(', ')
  const of = choices.length > 0 ? ` (${choices.join(', ')})` : ''
  return `.TP\n${shown}${value === undefined ? '' : ` ${italic(value)}`}\n${roff(about + of)}`
}

const section = (title: string, blocks: readonly string[]): string =>
  blocks.length === 0 ? '' : `.SH ${title}\n${blocks.join('\n')}\n`

const related = (command: Described, all: readonly Described[]): string => {
  const parent = command.path.slice(0, -1).join('-')
  const names = all
    .map(pageName)
    .filter((name) => name === parent || command.commands.some((child) => pageName(child) === name))
  return names.map((name) => `.BR ${roff(name)} (1)`).join(',\n')
}

const exitSection = (command: Described): string => {
  if (command.commands.length > 0 || command.path.at(-1) === 'server') return ''
  const rows = Object.values(exitCodes).map(
    ({ code, meaning }) => `.TP\n.B ${code}\n${roff(meaning)}`,
  )
  return section('EXIT STATUS', rows)
}

const page = (command: Described, all: readonly Described[], version: string): ManPage => {
  const name = pageName(command)
  const see = related(command, all)
  const commands = command.commands.map(
    ({ path, summary }) => `.TP\n${bold(path.join(' '))}\n${roff(summary)}`,
  )
  const text = [
    `.\\" Made by: mesh manual\n`,
    `.TH ${roff(name.toUpperCase())} 1 "" "mesh ${roff(version)}" "mesh"\n`,
    `.SH NAME\n${roff(name)} \\- ${roff(command.summary.replace(/\.$/, ''))}\n`,
    `.SH SYNOPSIS\n${synopsis(command)}\n`,
    `.SH DESCRIPTION\n${roff(command.about)}\n`,
    section('COMMANDS', commands),
    section(
      'ARGUMENTS',
      command.arguments.map((each) => `.TP\n${italic(each.name)}\n${roff(each.about)}`),
    ),
    section('OPTIONS', command.options.map(describeOption)),
    exitSection(command),
    see === '' ? '' : `.SH SEE ALSO\n${see}\n`,
  ].join('')
  return { file: `${name}.1`, text }
}

/** A page for the program, and one for each command and each word that commands stand behind. */
export const manPages = (program: Described, version: string): ManPage[] => {
  const all = flattenCommands(program)
  return all.map((command) => page(command, all, version))
}
