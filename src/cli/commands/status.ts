import { Command } from 'commander'
import { isMeshError } from '../../errors/index.ts'
import { formatDuration, formatSize } from '../../util/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { printPeers } from '../peer-table.ts'
import { JSON_OPTION, printFields, printJson, printTable, warn } from '../print.ts'
import { formatRate } from '../progress.ts'
import { relativeTime, shortDigest, shortPeerId, shortTime } from '../show.ts'
import { clean } from '../terminal.ts'
import type { PeerBody, StatusBody } from '../../api/index.ts'
import type { Client } from '../../client/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

const showFiles = (files: StatusBody['files']): string => {
  const some = Object.entries(files).filter(([, count]) => count > 0)
  return some.length === 0
    ? 'none configured'
    : some
        .map(([state, count]) => `${count} ${state === 'none' ? 'unpublished' : state}`)
        .join(', ')
}

const showCertificate = (certificate: StatusBody['certificate'], nowMs: number): string => {
  if (certificate === null) return 'none'
  const { name, expires } = certificate
  return `${name}, expires ${shortTime(expires)} (${relativeTime(expires, nowMs)})`
}

const showTrust = (trust: StatusBody['trust'], nowMs: number): [string, string][] => {
  if (trust === null) return []
  const { certificates, revoked, heartbeat } = trust
  const ended = heartbeat?.stale === true ? 'ended' : 'ends'
  return [
    [
      'trust',
      [
        `${certificates.count} certificates listed`,
        `${revoked.count} revoked`,
        heartbeat === null
          ? 'no heartbeat'
          : `heartbeat ${heartbeat.version} ${ended} ${relativeTime(heartbeat.expires, nowMs)}`,
      ].join(', '),
    ],
  ]
}

/** How it stands with each connected peer. */
const showLastRounds = (
  { lastPushPullAt, lastRounds }: StatusBody['sync'],
  nowMs: number,
): string => {
  const { equal, differed, failed, none } = lastRounds
  const peers = [
    [equal, 'in step'],
    [differed, 'differed'],
    [failed, 'failed'],
    [none, 'not yet'],
  ] as const
  const some = peers.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  const last = lastPushPullAt === null ? 'not yet' : relativeTime(lastPushPullAt, nowMs)
  return some.length === 0 ? last : `${last}; peers: ${some.join(', ')}`
}

/** What all rounds came to. */
const showRounds = (rounds: StatusBody['sync']['rounds']): string => {
  const { equal, differed, failed, differences, sentBytes, receivedBytes } = rounds
  const kilobytes = Math.ceil((sentBytes + receivedBytes) / 1_000)
  return `${equal + differed + failed} rounds, ${failed} failed, ${differences} differences, ${kilobytes} kB`
}

/** Peers that one screen shows. */
const MOST_PEERS = 10
/** Addresses that one screen shows. */
const MOST_ADDRESSES = 3

interface Shown {
  readonly status: StatusBody
  /** `undefined`: the daemon does not tell. */
  readonly peers: readonly PeerBody[] | undefined
  readonly all: boolean
}

const withoutPeerId = (address: string): string => address.replace(/\/p2p\/[^/]+$/, '')

/** As many as fit, and how many there are besides. */
const some = (values: readonly string[], most: number): string[] =>
  values.length <= most
    ? [...values]
    : [...values.slice(0, most - 1), `and ${values.length - most + 1} more`]

const showFetching = ({ fetching }: StatusBody['sync'], all: boolean): [string, string][] =>
  fetching.length === 0 ? [] : [['fetching', some(fetching, all ? Infinity : 4).join(', ')]]

/** All that is on its way, in one line. */
const showTransfers = ({ transfers }: StatusBody): [string, string][] => {
  const { receiving, sending, doneBytes, totalBytes } = transfers
  const parts: string[] = []
  if (receiving > 0) {
    const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes)
    const rate = formatRate(transfers.receivedPerSecond)
    parts.push(
      [`${receiving} in`, `${percent}% of ${formatSize(totalBytes)}`, rate].join(' ').trim(),
    )
  }
  if (sending > 0) parts.push(`${sending} out ${formatRate(transfers.sentPerSecond)}`.trim())
  return parts.length === 0 ? [] : [['transfers', `${parts.join(', ')}; see mesh transfers`]]
}

/** Those that need attention first; in a large mesh the others are counted only. */
const order = (peer: PeerBody): number => (peer.faults.length > 0 ? 0 : peer.connected ? 1 : 2)

const printSomePeers = async (
  context: Context,
  peers: readonly PeerBody[],
  all: boolean,
): Promise<void> => {
  const sorted = [...peers].sort((a, b) => order(a) - order(b))
  const shown = all ? sorted : sorted.slice(0, MOST_PEERS)
  await context.out.line()
  await printPeers(context, shown)
  const more = sorted.length - shown.length
  if (more > 0) await context.out.line(`and ${more} more; mesh peers shows all`)
}

const printWorkers = async (context: Context, workers: StatusBody['workers']): Promise<void> => {
  await context.out.line()
  await printTable(
    context,
    [
      { title: 'WORKER', flexible: true },
      { title: 'STATE' },
      { title: 'RUNS', align: 'right' },
      { title: 'FAILED', align: 'right' },
      { title: 'NEXT', align: 'right' },
    ],
    workers.map(({ name, state, runs, failures, nextRunInMs }) => [
      name,
      state,
      `${runs}`,
      `${failures}`,
      nextRunInMs === null ? '-' : formatDuration(nextRunInMs),
    ]),
  )
}

const printStatus = async (context: Context, { status, peers, all }: Shown): Promise<void> => {
  const { clock } = context
  const nowMs = clock.nowMs()
  const { sync, workers } = status
  const addresses = some(status.addresses.map(withoutPeerId), all ? Infinity : MOST_ADDRESSES)
  const failing = workers.filter(({ lastError }) => lastError !== null)
  await printFields(context, [
    ['network', status.networkId],
    ['peer id', status.peerId],
    ['certificate', showCertificate(status.certificate, nowMs)],
    ...showTrust(status.trust, nowMs),
    ['version', `${status.version}, up ${formatDuration(status.uptimeMs)}`],
    ...addresses.map((address, index): [string, string] => [
      index === 0 ? 'addresses' : '',
      address,
    ]),
    ['files', showFiles(status.files)],
    ...showFetching(sync, all),
    ...showTransfers(status),
    ...(all
      ? ([
          ['neighbours', sync.neighbours.map(shortPeerId).join(' ') || 'none'],
          ['catalogue', shortDigest(status.catalogueDigest)],
        ] as const)
      : []),
    ['push-pull', showLastRounds(sync, nowMs)],
    ...(all ? ([['', showRounds(sync.rounds)]] as const) : []),
    ['peers', `${status.peersConnected} connected`],
    ...failing.map(({ name, failures, lastError }): [string, string] => [
      'failing',
      cleanLine(`${name}, ${failures} times: ${lastError}`),
    ]),
  ])
  if (peers !== undefined && peers.length > 0) await printSomePeers(context, peers, all)
  if (all) await printWorkers(context, workers)
  await context.out.line()
  await printHealth(context, status)
}

/** Last, where the eye is when the command has ended. */
const printHealth = async (context: Context, status: StatusBody): Promise<void> => {
  const { out, clock } = context
  const { health } = status
  const nowMs = clock.nowMs()
  if (health.length === 0) {
    // It is an error only after a while; whoever looks before that must not be soothed.
    await out.line(
      status.peersConnected > 0
        ? out.style('green', 'Nothing is wrong.')
        : 'Nothing is known to be wrong, but no peer is connected; see mesh peers.',
    )
  }
  for (const { severity, code, subject, message, since } of health) {
    const what = subject === '' ? code : `${code} ${subject}`
    const style = severity === 'error' ? 'red' : 'yellow'
    const head = out.style(style, `${severity}: ${cleanLine(what)}`)
    await out.line(
      `${head} (${relativeTime(since, nowMs)})\n  ${clean(message).replaceAll('\n', '\n  ')}`,
    )
  }
}

const cleanLine = (text: string): string => clean(text).replaceAll('\n', ' ')

/** Peers are the smaller part: what else there is to tell is told without them. */
const tellPeers = async (
  client: Client,
  signal: AbortSignal,
): Promise<readonly PeerBody[] | undefined> => {
  try {
    return (await client.peers({ signal })).peers
  } catch (error) {
    if (isMeshError(error)) return undefined
    throw error
  }
}

interface Options extends DaemonOptions, ReadOptions {
  readonly all?: boolean
}

export const statusCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Shows how a daemon is doing on one screen: its network, files and peers, and last what is wrong. Over TCP a daemon tells less than on its unix socket.',
    )
    .option('-a, --all', 'all peers, addresses and background work, however long that gets')
    .option(...JSON_OPTION)
    .action(async ({ all = false, ...options }: Options) => {
      const client = connect(options, context)
      const { signal } = context
      const [status, peers] = await Promise.all([
        client.status({ signal }),
        options.json === true ? undefined : tellPeers(client, signal),
      ])
      if (options.json === true) return printJson(context, 'mesh-status/1', status)
      if ('startedAt' in status) return printStatus(context, { status, peers, all })
      await printFields(context, [
        ['network', status.networkId],
        ['peer id', status.peerId],
        ['version', status.version],
      ])
      await warn(context, 'the daemon tells the rest on its unix socket (--socket)')
    })
