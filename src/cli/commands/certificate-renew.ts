import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { isMeshError, MeshError } from '../../errors/index.ts'
import { formatPublicKey, MAX_CERTIFICATE_BYTES, parseCertificate } from '../../keys/index.ts'
import { peerIdFromPublicKey, signCertificate } from '../../keys/index.ts'
import { parseNetworkId } from '../../statement/index.ts'
import { CERTIFICATES_FILE, encodeCertificates, REVOKED_FILE } from '../../trust/index.ts'
import { formatTimestamp, parseDuration } from '../../util/index.ts'
import { readSmallFile } from '../content.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { parseExpiry, toTimestamp } from '../expiry.ts'
import { writeOutput } from '../output.ts'
import { JSON_OPTION, printJson, warn } from '../print.ts'
import { findNode, publishTrust, readKnown, readListed, readNetworkKeys } from '../trust.ts'
import { readRevoked, trustCertificate, withNetworkKeyOptions } from '../trust.ts'
import type { Client } from '../../client/index.ts'
import type { PublicKey } from '../../keys/index.ts'
import type { Timestamp } from '../../util/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'
import type { Known, NetworkKeyOptions, NetworkKeys, TrustedCertificate } from '../trust.ts'

interface Options extends DaemonOptions, NetworkKeyOptions, ReadOptions {
  readonly within?: string
  readonly expires?: string
  readonly output?: string
  readonly force?: boolean
}

const CERTIFICATE_MODE = 0o644

/** The certificate in a file, if that is what was named. */
const fromFile = async (
  given: string,
  trusted: readonly PublicKey[],
): Promise<TrustedCertificate | undefined> => {
  const text = await readSmallFile(given, MAX_CERTIFICATE_BYTES).catch(() => undefined)
  if (text === undefined || !text.startsWith('mesh-certificate ')) return undefined
  return trustCertificate(text, parseCertificate(text).certificate.network, trusted)
}

const parseWithin = (text: string): number => {
  const durationMs = parseDuration(text)
  if (durationMs !== undefined) return durationMs
  throw new MeshError('ERR_USAGE', `${JSON.stringify(text)} is no duration; write 30d or 12h`)
}

/** Nothing known means that another network key has signed, and not that nothing ends. */
const requireKnown = (
  known: ReadonlyMap<PublicKey, TrustedCertificate>,
  trusted: readonly PublicKey[],
  client: Client,
): void => {
  if (known.size > 0) return
  const keys = trusted.map((key) => formatPublicKey(key, 'openssh')).join(', ')
  const message = `no certificate that ${client.address} knows of is signed by ${keys}; name the network key that signed them with --network-public-key`
  throw new MeshError('ERR_CERTIFICATE_INVALID', message)
}

/** What ends in time and is not renewed, because nobody whom we trust has signed it. */
interface Passed {
  readonly name: string | null
  readonly peerId: string | null
  readonly expires: string | null
  readonly why: string
}

const passedOver = ({ leftOut }: Known, untilMs: number): Passed[] =>
  leftOut.flatMap(({ certificate, why }): Passed[] => {
    if (certificate === undefined) return [{ name: null, peerId: null, expires: null, why }]
    const { name, key, expires } = certificate
    if (expires > untilMs) return []
    return [{ name, peerId: peerIdFromPublicKey(key), expires: formatTimestamp(expires), why }]
  })

const warnOfPassed = async (passed: readonly Passed[], context: Context): Promise<void> => {
  for (const { name, peerId, expires, why } of passed) {
    const which =
      name === null
        ? 'a certificate that cannot be read'
        : `"${name}" (${peerId}), which ends at ${expires},`
    await warn(context, `${which} is not renewed: ${why}`)
  }
}

/** What is to be renewed, the newest of each node. The daemon is asked only if it has to be. */
const choose = async (
  nodes: readonly string[],
  { within }: Options,
  { trusted }: NetworkKeys,
  client: Client,
  context: Context,
): Promise<{ due: readonly TrustedCertificate[]; passed: readonly Passed[] }> => {
  const chosen = new Map<PublicKey, TrustedCertificate>()
  const names: string[] = []
  for (const each of nodes) {
    const found = await fromFile(each, trusted)
    if (found === undefined) names.push(each)
    else chosen.set(found.certificate.key, found)
  }
  const passed: Passed[] = []
  if (names.length === 0 && within === undefined) return { due: [...chosen.values()], passed }
  const all = await readKnown(client, trusted, context)
  const { certificates: known } = all
  for (const each of names) {
    const { key } = await findNode(each, known)
    const found = known.get(key)
    if (found === undefined) {
      const message = `no certificate of ${each} is known to ${client.address}; name its file, or make one with "mesh certificate sign"`
      throw new MeshError('ERR_CERTIFICATE_MISSING', message)
    }
    chosen.set(key, found)
  }
  if (within !== undefined) {
    const untilMs = context.clock.nowMs() + parseWithin(within)
    passed.push(...passedOver(all, untilMs))
    // Told before an error that there is nothing at all to be renewed.
    await warnOfPassed(passed, context)
    requireKnown(known, trusted, client)
    for (const [key, found] of known) {
      if (found.certificate.expires <= untilMs) chosen.set(key, found)
    }
  }
  return { due: [...chosen.values()], passed }
}

const renew = async (
  { certificate }: TrustedCertificate,
  { expires }: Options,
  { signer }: NetworkKeys,
  { clock }: Context,
): Promise<TrustedCertificate> => {
  const nowMs = clock.nowMs()
  const issued = toTimestamp(nowMs)
  const sameLength = toTimestamp(nowMs + certificate.expires - certificate.issued)
  const end: Timestamp | undefined =
    expires === undefined ? sameLength : parseExpiry(expires, nowMs)
  if (issued === undefined || end === undefined) {
    throw new MeshError('ERR_USAGE', "set this machine's clock first, or say --expires")
  }
  if (issued <= certificate.issued) {
    const message = `the certificate of "${certificate.name}" was issued at ${formatTimestamp(certificate.issued)}, later than this machine's clock says now; set the clock, or nobody would take the new one for newer`
    throw new MeshError('ERR_CERTIFICATE_MISMATCH', message)
  }
  const next = { ...certificate, issued, expires: end }
  return { certificate: next, text: await signCertificate(signer, next) }
}

const write = async (
  renewed: readonly TrustedCertificate[],
  output: string,
  force: boolean,
  { out, random }: Context,
): Promise<void> => {
  const [only, ...more] = renewed
  if (only !== undefined && more.length === 0 && output === '-') return out.write(only.text)
  const isDirectory = more.length > 0 || output.endsWith('/')
  if (isDirectory) await mkdir(output, { recursive: true })
  for (const { certificate, text } of renewed) {
    const path = isDirectory ? join(output, `${certificate.name}.cert`) : output
    await writeOutput(path, text, { mode: CERTIFICATE_MODE, force }, random)
  }
}

/** The list with the renewed ones in it, and without those that have ended. */
const publish = async (
  renewed: readonly TrustedCertificate[],
  keys: NetworkKeys,
  client: Client,
  context: Context,
): Promise<{ readonly version: number; readonly count: number }> => {
  const { listed, standing } = await readListed(client, keys.trusted, context)
  const present = await readRevoked(client, keys.trusted, context)
  const { revoked } = present
  for (const { certificate } of renewed) {
    if (certificate.network !== standing.networkId) {
      const message = `the certificate of "${certificate.name}" is for the network ${certificate.network}; ${client.address} is in ${standing.networkId}`
      throw new MeshError('ERR_CERTIFICATE_MISMATCH', message)
    }
    if (revoked.get(certificate.key)?.certificates !== 'all') continue
    const message = `"${certificate.name}" is revoked; a new certificate would not let it in. Take it back first with "mesh certificate revoke --undo"`
    throw new MeshError('ERR_CERTIFICATE_REVOKED', message)
  }
  // Signed by another network key alone, it would fall away with that key.
  if (present.content !== undefined && !present.signers.includes(keys.signer.publicKey)) {
    const { content: bytes, standing } = present
    await publishTrust(client, { name: REVOKED_FILE, bytes, standing }, keys, context)
  }
  const nowMs = context.clock.nowMs()
  const left = [...listed.values()].filter(({ certificate }) => certificate.expires > nowMs)
  const all = [...left, ...renewed]
  const bytes = encodeCertificates(parseNetworkId(standing.networkId), all)
  const { version } = await publishTrust(
    client,
    { name: CERTIFICATES_FILE, bytes, standing },
    keys,
    context,
  )
  return { version, count: new Set(all.map(({ certificate }) => certificate.key)).size }
}

const run = async (nodes: readonly string[], options: Options, context: Context): Promise<void> => {
  if (nodes.length === 0 && options.within === undefined) {
    throw new MeshError(
      'ERR_USAGE',
      'name the nodes or certificate files to renew, or say --within 30d',
    )
  }
  const { out } = context
  const { json, output, force = false } = options
  const keys = await readNetworkKeys(options, context)
  const client = connect(options, context)
  const { due, passed } = await choose(nodes, options, keys, client, context)
  const renewed: TrustedCertificate[] = []
  for (const each of due) renewed.push(await renew(each, options, keys, context))
  const bodies = renewed.map(({ certificate }) => ({
    name: certificate.name,
    peerId: peerIdFromPublicKey(certificate.key),
    expires: formatTimestamp(certificate.expires),
  }))
  if (renewed.length === 0) {
    if (json === true)
      return printJson(context, 'mesh-certificate-renew/1', { renewed: [], passed })
    const others = passed.length === 0 ? '' : ', but for those left out'
    return out.line(
      `No certificate that ${client.address} knows of ends within ${options.within}${others}.`,
    )
  }
  if (output !== undefined) {
    await write(renewed, output, force, context)
    if (json === true)
      return printJson(context, 'mesh-certificate-renew/1', { renewed: bodies, passed, output })
    if (output === '-') return
    for (const { name, peerId, expires } of bodies) {
      await out.line(`${output}: ${name} is ${peerId} until ${expires}`)
    }
    return
  }
  const { version, count } = await publish(renewed, keys, client, context).catch(
    (error: unknown) => {
      if (!isMeshError(error, 'ERR_DAEMON_UNREACHABLE')) throw error
      const message = `${error.message}; nothing was published (--output writes the certificates to a file instead)`
      throw new MeshError(error.code, message, { data: error.data, cause: error })
    },
  )
  if (json === true) {
    const body = { renewed: bodies, passed, version, listed: count, address: client.address }
    return printJson(context, 'mesh-certificate-renew/1', body)
  }
  for (const { name, peerId, expires } of bodies)
    await out.line(`${name} (${peerId}) until ${expires}`)
  await out.line(
    `${CERTIFICATES_FILE} version ${version} stored at ${client.address}, with ${count} certificate${count === 1 ? '' : 's'}: each node takes up its own when this reaches it, without a restart, and peers let it in by it.`,
  )
}

export const certificateRenewCommand = (context: Context): Command =>
  withDaemonOptions(withNetworkKeyOptions(new Command()))
    .description(
      'Makes new certificates for nodes that have one, with the same name, key and namespaces, and publishes them in _mesh/certificates, from which each node takes up its own. With --output they are written to a file instead, and no daemon is needed for certificates named by file.',
    )
    .argument('[nodes...]', 'names, peer ids or keys of nodes, or files of certificates')
    .option('--within <duration>', 'every node whose certificate ends within this time: 30d')
    .option('--expires <when>', 'when the new ones end: 365d, 2027-01-31 [else after as long]')
    .option(
      '-o, --output <path>',
      'write instead of publishing: one certificate to this file (- is standard output), several into this directory',
    )
    .option('-f, --force', 'replace what --output names')
    .option(...JSON_OPTION)
    .action((nodes: string[], options: Options) => run(nodes, options, context))
