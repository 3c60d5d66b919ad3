import { flattenCommands } from './described.ts'
import type { Described, DescribedArgument, DescribedOption } from './described.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** What can stand where a value is wanted. */
type Kind = 'files' | 'names' | 'nothing' | readonly string[]

/** Prints the names that the daemon is configured for; a completion shows no errors. */
const NAMES = 'mesh completion names 2>/dev/null'

const FILES = ['path', 'file', 'key', 'statement']

const kindOf = (word: string, choices: readonly string[]): Kind => {
  if (choices.length > 0) return choices
  if (word === 'name') return 'names'
  return FILES.includes(word) ? 'files' : 'nothing'
}

const ofOption = ({ value, choices }: DescribedOption): Kind =>
  value === undefined ? 'nothing' : value === 'name' ? 'nothing' : kindOf(value, choices)

const ofArgument = (argument: DescribedArgument | undefined): Kind =>
  argument === undefined ? 'nothing' : kindOf(argument.name, argument.choices)

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

const join = ({ path }: Described): string => path.join(' ')

/** `case` patterns of `path option` for each spelling of an option that takes a value. */
const patterns = (command: Described, option: DescribedOption): string =>
  option.names.map((name) => quote(`${join(command)} ${name}`)).join('|')

const valued = (commands: readonly Described[]) =>
  commands.flatMap((command) =>
    command.options
      .filter(({ value }) => value !== undefined)
      .map((option) => ({ command, option, kind: ofOption(option) })),
  )

/** Lines of a `case` that follow the words so far down the tree of commands. */
const follow = (commands: readonly Described[], indent: string): string => {
  const deeper = commands.filter(({ path }) => path.length > 1).map((each) => quote(join(each)))
  return `${indent}case "$path $word" in\n${indent}  ${deeper.join('|')}) path="$path $word" ;;\n${indent}esac`
}

const bashAction = (kind: Kind): string => {
  if (kind === 'files') return 'COMPREPLY=(); compopt -o default'
  if (kind === 'nothing') return 'COMPREPLY=()'
  const words = kind === 'names' ? `$(${NAMES})` : kind.join(' ')
  return `mapfile -t COMPREPLY < <(compgen -W "${words}" -- "$cur")`
}

const bash = (commands: readonly Described[]): string => {
  const values = valued(commands).map(
    ({ command, option, kind }) =>
      `    ${patterns(command, option)}) ${bashAction(kind)}; return ;;`,
  )
  const words = commands.map((command) => {
    const options = command.options.flatMap(({ names }) => names.filter((n) => n.startsWith('--')))
    const below = command.commands.map(({ path }) => path.at(-1))
    const first = ofArgument(command.arguments[0])
    const fallback =
      below.length > 0
        ? `mapfile -t COMPREPLY < <(compgen -W "${below.join(' ')}" -- "$cur")`
        : bashAction(first)
    return `    ${quote(join(command))})
      case $cur in
        -*) mapfile -t COMPREPLY < <(compgen -W "${options.join(' ')}" -- "$cur") ;;
        *) ${fallback} ;;
      esac ;;`
  })
  return `# bash completion for mesh; made by: mesh completion bash
_mesh() {
  local cur=\${COMP_WORDS[COMP_CWORD]} path=mesh word i
  # Names may have a colon, which bash takes for the end of a word.
  local COMP_WORDBREAKS=\${COMP_WORDBREAKS//:}
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
${follow(commands, '    ')}
  done
  case "$path \${COMP_WORDS[COMP_CWORD - 1]}" in
${values.join('\n')}
  esac
  case $path in
${words.join('\n')}
  esac
}
complete -F _mesh mesh
`
}

const zshAction = (kind: Kind): string => {
  if (kind === 'files') return '_files'
  if (kind === 'nothing') return '_message value'
  return kind === 'names' ? `compadd -- \${(f)"$(${NAMES})"}` : `compadd -- ${kind.join(' ')}`
}

/** `name:description`, as `_describe` reads it. */
const zshItem = (name: string, about: string): string =>
  quote(`${name.replaceAll(':', '\\:')}:${about.replaceAll('\n', ' ')}`)

const zsh = (commands: readonly Described[]): string => {
  const values = valued(commands).map(
    ({ command, option, kind }) =>
      `    ${patterns(command, option)}) ${zshAction(kind)}; return ;;`,
  )
  const words = commands.map((command) => {
    const options = command.options.flatMap(({ names, about }) =>
      names.filter((name) => name.startsWith('--')).map((name) => zshItem(name, about)),
    )
    const below = command.commands.map(({ path, summary }) => zshItem(path.at(-1) ?? '', summary))
    const rest =
      below.length > 0
        ? `items=(${below.join(' ')}); _describe command items`
        : zshAction(ofArgument(command.arguments[0]))
    return `    ${quote(join(command))})
      if [[ $PREFIX == -* ]]; then
        items=(${options.join(' ')})
        _describe option items
      else
        ${rest}
      fi ;;`
  })
  return `#compdef mesh
# zsh completion for mesh; made by: mesh completion zsh
_mesh() {
  local path_=mesh word previous i
  local -a items
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
${follow(commands, '    ').replaceAll('$path', '$path_').replaceAll('path=', 'path_=')}
  done
  previous=\${words[CURRENT - 1]}
  case "$path_ $previous" in
${values.join('\n')}
  esac
  case $path_ in
${words.join('\n')}
  esac
}
if [[ \${funcstack[1]} == _mesh ]]; then _mesh "$@"; else compdef _mesh mesh; fi
`
}

const fishAction = (kind: Kind): string => {
  if (kind === 'files') return ' -r -F'
  if (kind === 'nothing') return ' -x'
  return ` -x -a ${kind === 'names' ? quote(`(${NAMES})`) : quote(kind.join(' '))}`
}

const fishQuote = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', ' ')}'`

const fish = (commands: readonly Described[]): string => {
  const lines = commands.flatMap((command) => {
    const when = `complete -c mesh -n ${fishQuote(`test (__mesh_path) = "${join(command)}"`)}`
    const options = command.options.map((option) => {
      const names = option.names.map((name) =>
        name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      )
      const value = option.value === undefined ? '' : fishAction(ofOption(option))
      return `${when} ${names.join(' ')}${value} -d ${fishQuote(option.about)}`
    })
    const below = command.commands.map(
      ({ path, summary }) => `${when} -a ${path.at(-1)} -d ${fishQuote(summary)}`,
    )
    const first = ofArgument(command.arguments[0])
    const argument =
      command.arguments.length === 0 || first === 'nothing'
        ? []
        : [first === 'files' ? `${when} -F` : `${when}${fishAction(first).replace(' -x', '')}`]
    return [...options, ...below, ...argument]
  })
  const deeper = commands.filter(({ path }) => path.length > 1).map((each) => fishQuote(join(each)))
  return `# fish completion for mesh; made by: mesh completion fish
function __mesh_path
    set -l path mesh
    for word in (commandline -opc)[2..]
        if contains -- "$path $word" ${deeper.join(' ')}
            set path "$path $word"
        end
    end
    echo $path
end
complete -c mesh -f
${lines.join('\n')}
`
}

/** The completion script of a shell for the whole program. */
export const completionScript = (shell: Shell, program: Described): string => {
  const commands = flattenCommands(program)
  return { bash, zsh, fish }[shell](commands)
}
