import { Command } from 'commander'
import { MeshError } from '../../errors/index.ts'
import { peerIdFromPublicKey } from '../../keys/index.ts'
import { encodeRevocations, isRevokedBy, REVOKED_FILE } from '../../trust/index.ts'
import { formatTimestamp } from '../../util/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { parseMoment, toTimestamp } from '../expiry.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { findNode, publishTrust, readKnown, readNetworkKeys } from '../trust.ts'
import { readRevoked, withNetworkKeyOptions } from '../trust.ts'
import type { Client } from '../../client/index.ts'
import type { PublicKey } from '../../keys/index.ts'
import type { Revocation } from '../../trust/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'
import type { NetworkKeyOptions, TrustedCertificate } from '../trust.ts'

interface Options extends DaemonOptions, NetworkKeyOptions, ReadOptions {
  readonly issuedBefore?: string
  readonly undo?: boolean
  readonly force?: boolean
}

type Known = ReadonlyMap<PublicKey, TrustedCertificate>

/** Who would be cut off by it that nobody wants to be. */
const requireForce = async (
  key: PublicKey,
  known: Known,
  revoked: ReadonlyMap<PublicKey, Revocation>,
  client: Client,
  { clock, signal }: Context,
): Promise<void> => {
  const { peerId } = await client.status({ signal })
  if (peerId === peerIdFromPublicKey(key)) {
    const message = `${client.address} is that very node: it tells the others, who then cut it off. Ask another daemon, or say --force`
    throw new MeshError('ERR_USAGE', message)
  }
  const nowMs = clock.nowMs()
  const left = [...known.values()].filter(
    ({ certificate }) =>
      certificate.key !== key &&
      certificate.expires > nowMs &&
      !isRevokedBy(revoked.get(certificate.key), certificate),
  )
  if (left.length > 0) return
  const message = `no other node with a good certificate is known to ${client.address}: nobody would be left in the network. If that is meant, say --force`
  throw new MeshError('ERR_USAGE', message)
}

const makeRevocation = (
  key: PublicKey,
  name: string | undefined,
  { issuedBefore }: Options,
  { clock }: Context,
): Revocation => {
  const nowMs = clock.nowMs()
  const revokedAt = toTimestamp(nowMs)
  if (revokedAt === undefined) throw new MeshError('ERR_USAGE', "set this machine's clock first")
  const certificates = issuedBefore === undefined ? 'all' : parseMoment(issuedBefore, nowMs)
  return { key, certificates, revokedAt, ...(name === undefined ? {} : { name }) }
}

const explain = ({ certificates }: Revocation): string =>
  certificates === 'all'
    ? 'Every node that this reaches closes its connections to it at once and makes no new ones, whatever certificate it shows.'
    : `Its certificates issued before ${formatTimestamp(certificates)} count no more; a newer one does.`

const run = async (given: string, options: Options, context: Context): Promise<void> => {
  const { out } = context
  const { json, undo = false, force = false } = options
  if (undo && options.issuedBefore !== undefined) {
    throw new MeshError('ERR_USAGE', '--undo takes back all of it; leave --issued-before out')
  }
  const keys = await readNetworkKeys(options, context)
  const client = connect(options, context)
  const { certificates: known } = await readKnown(client, keys.trusted, context)
  const { revoked, standing } = await readRevoked(client, keys.trusted, context)
  const byName = [...revoked.values()].filter((each) => each.name === given)
  const [gone] = byName
  const { key, name } =
    undo && gone !== undefined && byName.length === 1
      ? { key: gone.key, name: gone.name }
      : await findNode(given, known)
  const peerId = peerIdFromPublicKey(key)
  const shown = `${name ?? 'the node'} (${peerId})`
  if (undo && !revoked.has(key)) {
    throw new MeshError('ERR_USAGE', `${shown} is not revoked, as far as ${client.address} knows`)
  }
  if (!undo && !force) await requireForce(key, known, revoked, client, context)
  const revocation = makeRevocation(key, name, options, context)
  const others = [...revoked.values()].filter((each) => each.key !== key)
  const bytes = encodeRevocations(standing.networkId, undo ? others : [...others, revocation])
  const { version } = await publishTrust(
    client,
    { name: REVOKED_FILE, bytes, standing },
    keys,
    context,
  )
  if (json === true) {
    const { certificates } = revocation
    return printJson(context, 'mesh-certificate-revoke/1', {
      ...{ name: name ?? null, peerId, undone: undo, version, address: client.address },
      certificates: certificates === 'all' ? certificates : formatTimestamp(certificates),
    })
  }
  const stored = `${REVOKED_FILE} version ${version} stored at ${client.address}.`
  if (undo) return out.line(`${shown} has its right again where this arrives. ${stored}`)
  await out.line(`${shown} is revoked. ${explain(revocation)} ${stored}`)
  await out.line(
    'It keeps what it has already. Change what it could read: the pre-shared key, and secrets in files.',
  )
}

export const certificateRevokeCommand = (context: Context): Command =>
  withDaemonOptions(withNetworkKeyOptions(new Command()))
    .description(
      'Takes a node out of the network: adds its key to _mesh/revoked, signs that with a network key and hands it to a daemon. All nodes close their connections to it as soon as that reaches them. Names are those of mesh certificate list.',
    )
    .argument('<node>', 'name, peer id or public key of the node')
    .option(
      '--issued-before <when>',
      'only certificates issued before this time (now, 2027-01-31): one renewed since counts',
    )
    .option('--undo', 'take the revocation back')
    .option('-f, --force', 'even the daemon that is asked, or the last node that is left')
    .option(...JSON_OPTION)
    .action((node: string, options: Options) => run(node, options, context))
