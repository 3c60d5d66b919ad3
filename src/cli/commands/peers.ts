import { Command } from 'commander'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson, printTable } from '../print.ts'
import { relativeTime, shortPeerId } from '../show.ts'
import type { PeerBody } from '../../api/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

const showState = (peer: PeerBody, nowMs: number): string => {
  if (peer.connected) return peer.neighbour ? 'neighbour' : 'connected'
  if (peer.avoidedUntil !== null) return `avoided, ${relativeTime(peer.avoidedUntil, nowMs)}`
  return 'away'
}

const toRow = (peer: PeerBody, nowMs: number): string[] => [
  peer.name ?? '-',
  shortPeerId(peer.peerId),
  showState(peer, nowMs),
  peer.roundTripMs === null ? '-' : `${peer.roundTripMs.toFixed(1)} ms`,
  (peer.connected ? peer.address : (peer.lastError ?? peer.address)) ?? '-',
]

export const peersCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Shows the peers of a daemon. A neighbour is one that announcements go to; the others hear of new versions from theirs. Only the unix socket tells this.',
    )
    .option(...JSON_OPTION)
    .action(async (options: DaemonOptions & ReadOptions) => {
      const body = await connect(options, context).peers({ signal: context.signal })
      if (options.json === true) return printJson(context, 'mesh-peers/1', body)
      if (body.peers.length === 0) return context.out.line('No peers.')
      const nowMs = context.clock.nowMs()
      await printTable(
        context,
        [
          { title: 'NAME' },
          { title: 'PEER' },
          { title: 'STATE' },
          { title: 'RTT', align: 'right' },
          { title: 'ADDRESS', flexible: true },
        ],
        body.peers.map((peer) => toRow(peer, nowMs)),
      )
    })
