import { Command } from 'commander'
import { formatDuration } from '../../util/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { clean } from '../terminal.ts'
import { JSON_OPTION, printFields, printJson, printTable, warn } from '../print.ts'
import { relativeTime, shortDigest, shortPeerId, shortTime } from '../show.ts'
import type { StatusBody } from '../../api/index.ts'
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

const printStatus = async (context: Context, status: StatusBody): Promise<void> => {
  const { out, clock } = context
  const nowMs = clock.nowMs()
  const { sync, workers, health } = status
  await printFields(context, [
    ['network', status.networkId],
    ['peer id', status.peerId],
    ['certificate', showCertificate(status.certificate, nowMs)],
    ...showTrust(status.trust, nowMs),
    ['version', `${status.version}, up ${formatDuration(status.uptimeMs)}`],
    ...status.addresses.map((address, index): [string, string] => [
      index === 0 ? 'addresses' : '',
      address.replace(/\/p2p\/[^/]+$/, ''),
    ]),
    ['peers', `${status.peersConnected} connected`],
    ['neighbours', sync.neighbours.map(shortPeerId).join(' ') || 'none'],
    ['files', showFiles(status.files)],
    ['fetching', sync.fetching.length === 0 ? 'nothing' : sync.fetching.join(', ')],
    ['catalogue', shortDigest(status.catalogueDigest)],
    ['push-pull', showLastRounds(sync, nowMs)],
    ['', showRounds(sync.rounds)],
  ])
  await out.line()
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
  await out.line()
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

export const statusCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Shows how a daemon is doing: its network, peers, files, background work, and what is wrong. Over TCP a daemon tells less than on its unix socket.',
    )
    .option(...JSON_OPTION)
    .action(async (options: DaemonOptions & ReadOptions) => {
      const client = connect(options, context)
      const status = await client.status({ signal: context.signal })
      if (options.json === true) return printJson(context, 'mesh-status/1', status)
      if ('startedAt' in status) return printStatus(context, status)
      await printFields(context, [
        ['network', status.networkId],
        ['peer id', status.peerId],
        ['version', status.version],
      ])
      await warn(context, 'the daemon tells the rest on its unix socket (--socket)')
    })
