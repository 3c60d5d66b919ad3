import { Command } from 'commander'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson, printTable } from '../print.ts'
import { relativeTime, shortPeerId } from '../show.ts'
import { clean } from '../terminal.ts'
import type { CertificateBody, CertificatesBody } from '../../api/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

const stateOf = ({ expires, revokedAt }: CertificateBody, nowMs: number): string => {
  if (revokedAt !== null) return `revoked ${relativeTime(revokedAt, nowMs)}`
  return Date.parse(expires) <= nowMs ? 'expired' : 'good'
}

const print = async (body: CertificatesBody, context: Context): Promise<void> => {
  const nowMs = context.clock.nowMs()
  const { certificates, revoked } = body
  if (certificates.length === 0) await context.out.line('No certificates.')
  else {
    await printTable(
      context,
      [
        { title: 'NAME', flexible: true },
        { title: 'PEER' },
        { title: 'ENDS' },
        { title: 'STATE' },
        { title: 'FROM' },
      ],
      certificates.map((each) => [
        each.name,
        shortPeerId(each.peerId),
        relativeTime(each.expires, nowMs),
        stateOf(each, nowMs),
        each.sources.join(', '),
      ]),
    )
  }
  const known = new Set(certificates.map(({ peerId }) => peerId))
  for (const { peerId, name, certificates: which, revokedAt } of revoked) {
    if (known.has(peerId)) continue
    const what = which === 'all' ? '' : `, certificates issued before ${which}`
    const who = clean(name ?? 'a node without a name')
    await context.out.line(`revoked: ${who} (${peerId}) ${relativeTime(revokedAt, nowMs)}${what}`)
  }
}

export const certificateListCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Lists the node certificates that a daemon knows of: its own, those of connected peers, and those in _mesh/certificates; and every revocation. Only the unix socket tells this.',
    )
    .option(...JSON_OPTION)
    .action(async (options: DaemonOptions & ReadOptions) => {
      const body = await connect(options, context).certificates({ signal: context.signal })
      if (options.json === true) return printJson(context, 'mesh-certificates/1', body)
      await print(body, context)
    })
