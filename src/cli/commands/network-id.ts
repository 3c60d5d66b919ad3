import { Command } from 'commander'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

interface Options extends DaemonOptions, ReadOptions {
  readonly config?: string
}

const read = async (options: Options, context: Context): Promise<string> => {
  if (options.config !== undefined) {
    const { loadConfig } = await import('../../config/index.ts')
    return (await loadConfig(options.config)).network.id
  }
  return (await connect(options, context).status({ signal: context.signal })).networkId
}

export const networkIdCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description('Prints the network id of a configuration, or without --config of the daemon.')
    .option('-c, --config <path>', 'configuration')
    .option(...JSON_OPTION)
    .action(async (options: Options) => {
      const networkId = await read(options, context)
      if (options.json === true) return printJson(context, 'mesh-network-id/1', { networkId })
      await context.out.line(networkId)
    })
