import { Command } from 'commander'
import { connect, withDaemonOptions } from '../daemon.ts'
import { completionScript } from '../completion.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { Shell } from '../completion.ts'

export const completionScriptCommand =
  (shell: Shell) =>
  (context: Context): Command =>
    new Command().description(`Prints the completion script for ${shell}.`).action(async () => {
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
