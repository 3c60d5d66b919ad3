import { printTable } from './print.ts'
import { relativeTime, shortPeerId } from './show.ts'
import type { PeerBody, RoundBody } from '../api/index.ts'
import type { Context } from './context.ts'

const showState = (peer: PeerBody, nowMs: number): string => {
  if (peer.connected) return peer.neighbour ? 'neighbour' : 'connected'
  if (peer.revokedAt !== null) return `revoked, ${relativeTime(peer.revokedAt, nowMs)}`
  if (peer.avoidedUntil !== null) return `avoided, ${relativeTime(peer.avoidedUntil, nowMs)}`
  return 'away'
}

/** What a round of push-pull came to. */
const outcomeOf = ({ error, equal, received, sent }: RoundBody): string => {
  if (error !== null) return 'failed'
  return equal ? 'in step' : `${received} in, ${sent} out`
}

/** How it stands with a peer; of one that is away nobody knows since the last time they compared. */
const showRound = ({ connected, lastRound }: PeerBody, nowMs: number): string => {
  if (lastRound === null) return '-'
  if (connected) return outcomeOf(lastRound)
  return `unknown ${relativeTime(lastRound.at, nowMs).replace(/ ago$/, '')}`
}

const toRow = (peer: PeerBody, nowMs: number): string[] => [
  peer.name ?? '-',
  shortPeerId(peer.peerId),
  showState(peer, nowMs),
  showRound(peer, nowMs),
  peer.roundTripMs === null ? '-' : `${peer.roundTripMs.toFixed(1)} ms`,
  // The peer id stands in a column of its own.
  peer.address?.replace(/\/p2p\/[^/]+$/, '') ?? '-',
]

/** One line for each peer. */
export const printPeers = (context: Context, peers: readonly PeerBody[]): Promise<void> => {
  const nowMs = context.clock.nowMs()
  return printTable(
    context,
    [
      { title: 'NAME' },
      { title: 'PEER' },
      { title: 'STATE' },
      { title: 'SYNC' },
      { title: 'RTT', align: 'right' },
      { title: 'ADDRESS', flexible: true },
    ],
    peers.map((peer) => toRow(peer, nowMs)),
  )
}
