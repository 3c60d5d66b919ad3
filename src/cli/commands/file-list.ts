import { Command } from 'commander'
import { parseSelector } from '../../statement/index.ts'
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
    .argument('[pattern]', 'only these, as "certs/*"')
    .option(...JSON_OPTION)
    .action(async (pattern: string | undefined, options: DaemonOptions & ReadOptions) => {
      const name = pattern === undefined ? undefined : parseSelector(pattern)
      const asked = name === undefined ? {} : { name }
      const body = await connect(options, context).files({ ...asked, signal: context.signal })
      if (options.json === true) return printJson(context, 'mesh-files/1', body)
      if (body.files.length === 0) {
        return context.out.line(
          name === undefined ? 'No files are configured.' : `No file matches ${name}.`,
        )
      }
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
