import { Command } from 'commander'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson, printTable } from '../print.ts'
import { shortTime, showContent, showState } from '../show.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

export const fileListCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Lists the files that a daemon is configured for, and what it has of each. Over TCP only those that everybody may read.',
    )
    .option(...JSON_OPTION)
    .action(async (options: DaemonOptions & ReadOptions) => {
      const body = await connect(options, context).files({ signal: context.signal })
      if (options.json === true) return printJson(context, 'mesh-files/1', body)
      if (body.files.length === 0) return context.out.line('No files are configured.')
      await printTable(
        context,
        [
          { title: 'NAME', flexible: true },
          { title: 'VERSION', align: 'right' },
          { title: 'STATE' },
          { title: 'SIZE', align: 'right' },
          { title: 'SIGNED (UTC)' },
        ],
        body.files.map((file) => [
          file.name,
          file.current === null ? '-' : `${file.current.version}`,
          showState(file),
          file.current === null ? '-' : showContent(file.current),
          file.current === null ? '-' : shortTime(file.current.time),
        ]),
      )
    })
