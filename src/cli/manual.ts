import { exitCodes, exitGroups } from './exit.ts'
import { buildProgram } from './program.ts'
import { emptyContext } from './whole.ts'
import type { Argument, Command, Option } from 'commander'

const HEAD = `# The \`mesh\` command

<!-- Made from src/cli by \`node scripts/docs.ts\`. -->

Results go to standard output, everything else to standard error. \`mesh COMMAND --help\` shows what is
here for one command.

**Which daemon.** \`--url\` or \`--socket\`; else \`$MESH_URL\`; else \`$MESH_SOCKET\`; else \`/run/mesh/mesh.sock\`
or \`/var/lib/mesh/mesh.sock\` if this user may; else \`http://127.0.0.1:7331\`. Over TCP a daemon takes uploads from anybody who may sign
and shows what everybody on its machine may read; the rest it tells on the unix socket.

**For programs.** Every command that reads has \`--json\`: one object whose \`schema\`, as in
\`"mesh-status/1"\`, says what it is; members are added within a version and never change their meaning.
With \`--json\` an error is an object too, \`mesh-error/1\` on standard error, with \`code\`, \`message\`, \`data\`
and \`exitCode\`. Tables are cut to the width of a terminal, and never in a pipe. \`NO_COLOR\` turns colours
off.

**Passphrases** of private keys are read from the file that \`--passphrase-file\` or
\`$MESH_PASSPHRASE_FILE\` names, and else asked for at the terminal, unseen.
With \`--agent\` the keys stay in \`ssh-agent\`: \`--key\`, or \`--network-key\`, names one of them by its
fingerprint, its comment, its public key or the file of that (as ssh, \`admin.key\` stands for
\`admin.key.pub\`), and may be left out where the agent has one ed25519 key only. Keys on security tokens
are not supported yet.
`

const ENVIRONMENT = `## Environment

| variable | meaning |
|---|---|
| \`MESH_URL\`, \`MESH_SOCKET\` | the daemon to talk to |
| \`MESH_KEY\` | private key that signs, where there is no \`--key\` |
| \`MESH_NETWORK\` | network id, where there is no \`--network\` |
| \`MESH_PASSPHRASE_FILE\` | file with the passphrase of that key |
| \`SSH_AUTH_SOCK\` | the agent that \`--agent\` signs with |
| \`MESH_CONFIG\` | configuration for \`mesh server\` and \`mesh config check\` |
| \`MESH_NODE\` | the Node that \`bin/mesh\` runs with |
| \`MESH_DEBUG\` | not empty: show where a defect of mesh is |
| \`NO_COLOR\`, \`COLUMNS\` | as everywhere |
| \`CACHE_DIRECTORY\`, \`XDG_CACHE_HOME\`, \`NODE_COMPILE_CACHE\` | where compiled code is kept between runs |
`

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const describeOption = ({
  flags,
  description,
  defaultValue,
  mandatory,
  argChoices,
}: Option): string => {
  const choices = argChoices === undefined ? '' : ` (${argChoices.join(' or ')})`
  const fallback = defaultValue === undefined ? '' : ` [else ${defaultValue}]`
  const required = mandatory ? ' (required)' : ''
  return `| \`${flags}\` | ${cell(`${description}${choices}${fallback}${required}`)} |`
}

const describeArgument = (argument: Argument): string => {
  const name = argument.required ? `<${argument.name()}>` : `[${argument.name()}]`
  return `| \`${name}\` | ${cell(argument.description)} |`
}

const describeCommand = (command: Command, path: string): string => {
  const visible = command.options.filter(({ hidden }) => !hidden)
  const rows = [
    ...command.registeredArguments.map(describeArgument),
    ...visible.map(describeOption),
  ]
  const table = rows.length === 0 ? '' : `\n| | |\n|---|---|\n${rows.join('\n')}\n`
  const words = command.registeredArguments.map(describeArgument).map((row) => row.split('`')[1])
  const usage = [path, ...words, ...(visible.length > 0 ? ['[options]'] : [])].join(' ')
  return `## ${path}\n\n${command.description()}\n\n    ${usage}\n${table}`
}

const walk = (command: Command, path: string): string[] =>
  command.commands.length === 0
    ? [describeCommand(command, path)]
    : command.commands.flatMap((child) => walk(child, `${path} ${child.name()}`))

const exits = (): string => {
  const rows = Object.entries(exitCodes).map(([name, { code, meaning }]) => {
    const errors = Object.entries(exitGroups).find(([group]) => group === name)?.[1] ?? []
    return `| ${code} | ${meaning} | ${errors.map((each) => `\`${each}\``).join(' ')} |`
  })
  const head = '| code | meaning | [errors](errors.md) |\n|---|---|---|'
  return `## Exit codes\n\n${head}\n${rows.join('\n')}\n\n\`mesh server\` has those of a service instead; see there.\n`
}

/** `docs/cli.md`. */
export const cliManual = async (): Promise<string> => {
  const program = await buildProgram(emptyContext, 'all')
  return [HEAD, ...walk(program, 'mesh'), exits(), ENVIRONMENT].join('\n')
}
