import { Command } from 'commander'
import { connect, withDaemonOptions } from '../daemon.ts'
import { printPeers } from '../peer-table.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { shortPeerId } from '../show.ts'
import { clean } from '../terminal.ts'
import type { PeerBody } from '../../api/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

/** Why a peer is away; never cut, as it says what to do. */
const showFailures = async ({ out }: Context, peers: readonly PeerBody[]): Promise<void> => {
  for (const { connected, lastError, peerId } of peers) {
    if (connected || lastError === null) continue
    await out.line(`\n${shortPeerId(peerId)} is away:\n  ${oneLine(lastError)}`)
  }
}

/** What peers did wrong, and how often. */
const showFaults = async ({ out }: Context, peers: readonly PeerBody[]): Promise<void> => {
  for (const { name, faults, peerId } of peers) {
    if (faults.length === 0) continue
    const counts = faults.map(({ code, count }) => `${oneLine(code)} ${count}`).join(', ')
    const who = name === null ? shortPeerId(peerId) : `${clean(name)} (${shortPeerId(peerId)})`
    await out.line(`\n${who} broke the rules:\n  ${counts}`)
  }
}

const oneLine = (text: string): string => clean(text).replaceAll('\n', ' ')

export const peersCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Shows the peers of a daemon. A neighbour is one that announcements go to; the others hear of new versions from theirs. SYNC is what the last comparison came to; of a peer that is away it says for how long nothing is known. Only the unix socket tells this.',
    )
    .option(...JSON_OPTION)
    .action(async (options: DaemonOptions & ReadOptions) => {
      const body = await connect(options, context).peers({ signal: context.signal })
      if (options.json === true) return printJson(context, 'mesh-peers/1', body)
      if (body.peers.length === 0) return context.out.line('No peers.')
      await printPeers(context, body.peers)
      await showFailures(context, body.peers)
      await showFaults(context, body.peers)
    })
