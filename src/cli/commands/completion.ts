import { Command } from 'commander'
import { connect, withDaemonOptions } from '../daemon.ts'
import { completionScript } from '../completion.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { Shell } from '../completion.ts'

/** Where each shell looks for it by itself. */
const PLACES = {
  bash: '/usr/share/bash-completion/completions/mesh, or ~/.local/share/bash-completion/completions/mesh for oneself',
  zsh: '/usr/local/share/zsh/site-functions/_mesh, or a directory of $fpath',
  fish: '/etc/fish/completions/mesh.fish, or ~/.config/fish/completions/mesh.fish for oneself',
} as const

export const completionScriptCommand =
  (shell: Shell) =>
  (context: Context): Command =>
    new Command()
      .description(`Prints the completion script for ${shell}; its place is ${PLACES[shell]}.`)
      .action(async () => {
        const { describeProgram } = await import('../whole.ts')
        await context.out.write(completionScript(shell, await describeProgram()))
      })

/** For the completion scripts. */
export const completionNamesCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description('Prints the names of the files that a daemon is configured for, one a line.')
    .action(async (options: DaemonOptions) => {
      const { files } = await connect(options, context).files({ signal: context.signal })
      await context.out.write(files.map(({ name }) => `${name}\n`).join(''))
    })
