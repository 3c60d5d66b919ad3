import { Command } from 'commander'
import {
  CERTIFICATES_FILE,
  encodeHeartbeat,
  HEARTBEAT_FILE,
  REVOKED_FILE,
} from '../../trust/index.ts'
import { formatTimestamp } from '../../util/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { parseExpiry } from '../expiry.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { lookUp } from '../statement.ts'
import { publishTrust, readNetworkKeys, readPresent, withNetworkKeyOptions } from '../trust.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'
import type { NetworkKeyOptions } from '../trust.ts'

interface Options extends DaemonOptions, NetworkKeyOptions, ReadOptions {
  readonly expires: string
}

const run = async (options: Options, context: Context): Promise<void> => {
  const { expires, json } = options
  const end = expires === 'never' ? 'never' : parseExpiry(expires, context.clock.nowMs())
  const keys = await readNetworkKeys(options, context)
  const client = connect(options, context)
  const versionOf = async (name: typeof HEARTBEAT_FILE): Promise<number> => {
    const { standing } = await readPresent(client, name, keys.trusted, context)
    return standing.current?.version ?? 0
  }
  const heartbeat = {
    certificates: await versionOf(CERTIFICATES_FILE),
    revoked: await versionOf(REVOKED_FILE),
  }
  // Its content may have ended, and nothing builds on it: only its number is asked for.
  const standing = await lookUp(client, HEARTBEAT_FILE, context)
  const { version } = await publishTrust(
    client,
    {
      name: HEARTBEAT_FILE,
      bytes: encodeHeartbeat({ network: standing.networkId, ...heartbeat }),
      standing,
      expires: end === 'never' ? end : formatTimestamp(end),
    },
    keys,
    context,
  )
  const until = end === 'never' ? end : formatTimestamp(end)
  if (json === true) {
    const body = { version, expires: until, ...heartbeat, address: client.address }
    return printJson(context, 'mesh-network-heartbeat/1', body)
  }
  const what =
    end === 'never'
      ? 'no node takes itself for stale any more'
      : `a node that has heard nothing newer at ${until} says that it is stale`
  await context.out.line(
    `${HEARTBEAT_FILE} version ${version} stored at ${client.address}: ${what}.`,
  )
}

export const networkHeartbeatCommand = (context: Context): Command =>
  withDaemonOptions(withNetworkKeyOptions(new Command()))
    .description(
      'Publishes a heartbeat: a signed file that ends soon. A node for which it has ended knows that it is cut off, or kept from news, and says so in its health. Run it from a timer, at least twice in the time that --expires gives.',
    )
    .option('--expires <when>', 'when it ends: 24h, 2027-01-31; never: nobody is stale', '24h')
    .option(...JSON_OPTION)
    .action((options: Options) => run(options, context))
