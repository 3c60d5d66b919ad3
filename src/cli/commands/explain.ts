import { Command } from 'commander'
import { parseFileName } from '../../statement/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { clean } from '../terminal.ts'
import type { ExplainBody } from '../../api/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

const printPeers = async ({ out }: Context, { peers }: ExplainBody): Promise<void> => {
  for (const { peerId, name, wants, offersContent } of peers) {
    const what = wants === null ? 'did not say yet' : wants ? 'wants it' : 'does not want it'
    const offer = offersContent ? ', offers the content' : ''
    await out.line(clean(`  ${name ?? peerId}: ${what}${offer}`))
  }
}

const print = async (context: Context, body: ExplainBody): Promise<void> => {
  const { out } = context
  await out.line(clean(body.answer))
  if (body.reasons.length > 0) await out.line(out.style('bold', 'because'))
  for (const { code, message } of body.reasons) await out.line(clean(`  ${code}: ${message}`))
  if (body.peers.length > 0) await out.line(out.style('bold', 'peers'))
  await printPeers(context, body)
  if (body.next.length > 0) await out.line(out.style('bold', 'next'))
  for (const each of body.next) await out.line(clean(`  ${each}`))
}

export const explainCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Says why a file is here or is not: the answer first, then the reasons, what connected peers have to do with it, and what to do next. Asks on the unix socket.',
    )
    .argument('<name>', 'name of the signed file')
    .option(...JSON_OPTION)
    .action(async (given: string, options: DaemonOptions & ReadOptions) => {
      const client = connect(options, context)
      const body = await client.explain(parseFileName(given), { signal: context.signal })
      if (options.json === true) return printJson(context, 'mesh-explain/1', body)
      await print(context, body)
    })
