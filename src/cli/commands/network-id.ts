import { Command } from 'commander'
import { connect, withDaemonOptions } from '../daemon.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'

interface Options extends DaemonOptions {
  readonly config?: string
}

export const networkIdCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description('Prints the network id of a configuration, or without --config of the daemon.')
    .option('-c, --config <path>', 'configuration')
    .action(async (options: Options) => {
      if (options.config !== undefined) {
        const { loadConfig } = await import('../../config/index.ts')
        const { network } = await loadConfig(options.config)
        return context.out.line(network.id)
      }
      const { networkId } = await connect(options, context).status({ signal: context.signal })
      await context.out.line(networkId)
    })
