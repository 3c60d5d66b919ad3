import { Command } from 'commander'
import { formatSize } from '../../util/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { formatRate, formatTimeLeft } from '../progress.ts'
import { shortPeerId } from '../show.ts'
import { formatTable } from '../table.ts'
import type { ReceivingBody, SendingBody, TransferPeerBody } from '../../api/index.ts'
import type { TransfersBody } from '../../api/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

interface Options extends DaemonOptions, ReadOptions {
  readonly watch?: boolean
}

const WATCH_INTERVAL_MS = 1_000
/** Back to the first column of the first of so many lines, and away with what stands there. */
const erase = (lines: number): string => (lines === 0 ? '' : `\x1b[${lines}A\r\x1b[J`)

const COLUMNS = [
  { title: 'FILE', flexible: true },
  { title: 'PEER' },
  { title: 'DONE', align: 'right' },
  { title: 'OF', align: 'right' },
  { title: 'RATE', align: 'right' },
  { title: 'LEFT', align: 'right' },
] as const

const whoIs = ({ name, peerId }: TransferPeerBody): string => name ?? shortPeerId(peerId)

const share = (done: number, total: number): string =>
  `${formatSize(done)} ${total === 0 ? 100 : Math.floor((100 * done) / total)}%`

/** One line for the content, and one for each holder. */
const receivingRows = (transfer: ReceivingBody): string[][] => {
  const { name, state, doneBytes, totalBytes, localBytes, bytesPerSecond, leftMs } = transfer
  const { holders } = transfer
  const left = leftMs === null || state !== 'fetching' ? state : formatTimeLeft(leftMs)
  const from = `from ${holders.length} ${holders.length === 1 ? 'peer' : 'peers'}`
  const rows = [
    [
      ...[name, from, share(doneBytes, totalBytes), formatSize(totalBytes)],
      ...[formatRate(bytesPerSecond), left],
    ],
    ...holders.map((holder) => [
      ...['', `  ${whoIs(holder)}`, formatSize(holder.bytes), ''],
      ...[formatRate(holder.bytesPerSecond), ''],
    ]),
  ]
  if (localBytes > 0) rows.push(['', '  this machine', formatSize(localBytes), '', '', ''])
  return rows
}

const sendingRow = (transfer: SendingBody): string[] => {
  const { file, bytes, bytesPerSecond } = transfer
  return [file, `to ${whoIs(transfer)}`, formatSize(bytes), '', formatRate(bytesPerSecond), '']
}

const format = ({ out }: Context, { receiving, sending }: TransfersBody): string[] =>
  receiving.length + sending.length === 0
    ? ['Nothing is on its way.']
    : formatTable(out, COLUMNS, [...receiving.flatMap(receivingRows), ...sending.map(sendingRow)])

const run = async ({ json, watch, ...daemon }: Options, context: Context): Promise<void> => {
  const client = connect(daemon, context)
  const { out, signal } = context
  let shown = 0
  for (;;) {
    const body = await client.transfers({ signal })
    if (json === true) {
      const kind = 'mesh-transfers/1'
      // Line by line where there is more than one.
      if (watch !== true) return printJson(context, kind, body)
      await out.line(JSON.stringify({ schema: kind, ...body }))
    } else {
      const lines = format(context, body)
      await out.write(`${out.interactive ? erase(shown) : ''}${lines.join('\n')}\n`)
      shown = lines.length
    }
    if (watch !== true) return
    await context.sleep(WATCH_INTERVAL_MS)
    if (signal.aborted) return
  }
}

export const transfersCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Shows content that is on its way to this node, with the peers that it comes from, and from this node to others. Only the unix socket tells this.',
    )
    .option('-w, --watch', 'show it every second until interrupted; with --json an object a line')
    .option(...JSON_OPTION)
    .action((options: Options) => run(options, context))
