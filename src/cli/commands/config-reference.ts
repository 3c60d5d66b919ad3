import { Command } from 'commander'
import { configReference, listSettings } from '../../config/index.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import type { Context } from '../context.ts'
import type { ReadOptions } from '../print.ts'

export const configReferenceCommand = (context: Context): Command =>
  new Command()
    .description(
      'Prints what every key of the configuration means, as docs/configuration.md has it.',
    )
    .option(...JSON_OPTION)
    .action(async ({ json }: ReadOptions) => {
      if (json !== true) return context.out.write(configReference())
      await printJson(context, 'mesh-config-reference/1', { settings: listSettings() })
    })
