import type { Argument, Command, Option } from 'commander'

/** What completions and manual pages tell of one option. */
export interface DescribedOption {
  /** `-k`, `--key`. */
  readonly names: readonly string[]
  /** What stands for its value, as `path`; `undefined` for a switch. */
  readonly value: string | undefined
  readonly choices: readonly string[]
  readonly about: string
}

/** One argument of a command. */
export interface DescribedArgument {
  readonly name: string
  readonly required: boolean
  readonly variadic: boolean
  readonly choices: readonly string[]
  readonly about: string
}

/** A command, or a word that commands stand behind, as data. */
export interface Described {
  /** `['mesh', 'file', 'update']`. */
  readonly path: readonly string[]
  readonly summary: string
  readonly about: string
  readonly options: readonly DescribedOption[]
  readonly arguments: readonly DescribedArgument[]
  /** Empty for a command that runs. */
  readonly commands: readonly Described[]
}

const HELP: DescribedOption = {
  names: ['-h', '--help'],
  value: undefined,
  choices: [],
  about: 'show this help',
}

const describeOption = (option: Option): DescribedOption => ({
  names: [option.short, option.long].filter((name) => name != null),
  value: /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1],
  choices: option.argChoices ?? [],
  about: `${option.description}${option.mandatory ? ' (required)' : ''}`,
})

const describeArgument = (argument: Argument): DescribedArgument => ({
  name: argument.name(),
  required: argument.required,
  variadic: argument.variadic,
  choices: argument.argChoices ?? [],
  about: argument.description,
})

/** A program of commander, from here down. */
export const describeCommand = (command: Command, before: readonly string[] = []): Described => {
  const path = [...before, command.name()]
  return {
    path,
    summary: command.summary() || command.description(),
    about: command.description(),
    options: [...command.options.filter(({ hidden }) => !hidden).map(describeOption), HELP],
    arguments: command.registeredArguments.map(describeArgument),
    commands: command.commands.map((child) => describeCommand(child, path)),
  }
}

/** It and all below it, in the order of the help. */
export const flattenCommands = (described: Described): Described[] => [
  described,
  ...described.commands.flatMap(flattenCommands),
]
