import { Command } from 'commander'
import { parseFileName } from '../../statement/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson, printTable } from '../print.ts'
import { howToRestore } from '../restorable.ts'
import { shortDigest, shortKey, shortTime, showContent } from '../show.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

export const fileHistoryCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Shows the versions of a file that a daemon has seen, the one that wins first: * wins, ! is in conflict with another statement of its version. What is gone cannot be restored from this daemon.',
    )
    .argument('<name>', 'name of the signed file')
    .option(...JSON_OPTION)
    .action(async (given: string, options: DaemonOptions & ReadOptions) => {
      const name = parseFileName(given)
      const client = connect(options, context)
      const body = await client.history(name, { signal: context.signal })
      if (options.json === true) return printJson(context, 'mesh-history/1', body)
      if (body.versions.length === 0) return context.out.line('Nothing was published yet.')
      await printTable(
        context,
        [
          { title: '' },
          { title: 'VERSION', align: 'right' },
          { title: 'SIGNED (UTC)' },
          { title: 'SIZE', align: 'right' },
          { title: 'CONTENT' },
          { title: 'ID' },
          { title: 'SIGNERS', flexible: true },
        ],
        body.versions.map((version) => [
          `${version.wins ? '*' : ' '}${version.conflict ? '!' : ''}`,
          `${version.version}`,
          shortTime(version.time),
          showContent(version),
          version.content === null ? '-' : version.contentHere ? 'here' : 'gone',
          shortDigest(version.id),
          version.signers.map(shortKey).join(' '),
        ]),
      )
      const [winner] = body.versions
      if (winner?.wins !== true || winner.content !== null) return
      const advice = howToRestore(name, body.versions, client.address)
      await context.out.line(`Version ${winner.version} is a deletion, so that nothing is shown;`)
      await context.out.line(advice)
    })
