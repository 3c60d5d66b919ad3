import { stat } from 'node:fs/promises'
import { Command } from 'commander'
import { isMeshError, MeshError } from '../../errors/index.ts'
import { MAX_CERTIFICATE_BYTES, formatPublicKey, parseCertificate } from '../../keys/index.ts'
import { parsePublicKey, peerIdFromPublicKey, verifyCertificate } from '../../keys/index.ts'
import { formatTimestamp } from '../../util/index.ts'
import { readSmallFile } from '../content.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printFields, printJson } from '../print.ts'
import { relativeTime } from '../show.ts'
import type { CertificatesBody } from '../../api/index.ts'
import type { ParsedCertificate, PublicKey } from '../../keys/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

type Options = DaemonOptions & ReadOptions

/** Whether the daemon would let its bearer in now, and why; `null`: nobody can say. */
interface Judgement {
  readonly trusted: boolean | null
  readonly why: string
}

/** What a daemon tells of its network, or why it tells nothing. */
type Told = { readonly address: string; readonly body: CertificatesBody } | MeshError

const ask = async (options: Options, context: Context): Promise<Told> => {
  const client = connect(options, context)
  try {
    const body = await client.certificates({ signal: context.signal })
    return { address: client.address, body }
  } catch (error) {
    if (!isMeshError(error) || error.code === 'ERR_ABORTED') throw error
    return error
  }
}

/** The signature holds, whoever made it. */
const isUnchanged = (text: string, { certificate, signer }: ParsedCertificate): boolean => {
  const { network, issued } = certificate
  try {
    verifyCertificate(text, { network, networkKeys: [signer], nowMs: issued })
    return true
  } catch (error) {
    if (!isMeshError(error)) throw error
    return false
  }
}

const isRevoked = (
  { certificates }: CertificatesBody['revoked'][number],
  { issued }: ParsedCertificate['certificate'],
): boolean => certificates === 'all' || issued < Date.parse(certificates)

const judge = (text: string, told: Told, nowMs: number): Judgement => {
  if (told instanceof MeshError) return { trusted: null, why: told.message }
  const { address, body } = told
  const { certificate } = parseCertificate(text)
  const networkKeys: PublicKey[] = body.networkKeys.map((key) => parsePublicKey(key))
  if (networkKeys.length === 0) {
    return { trusted: null, why: `${address} has no network keys: there no certificate counts` }
  }
  try {
    verifyCertificate(text, { network: body.networkId, networkKeys, nowMs })
  } catch (error) {
    if (!isMeshError(error)) throw error
    return { trusted: false, why: error.message }
  }
  const peerId = peerIdFromPublicKey(certificate.key)
  const revocation = body.revoked.find(
    (each) => each.peerId === peerId && isRevoked(each, certificate),
  )
  if (revocation !== undefined) {
    return { trusted: false, why: `a network key revoked it at ${revocation.revokedAt}` }
  }
  return { trusted: true, why: `signed by a network key of ${address}, and not revoked there` }
}

/** The file, or what the daemon knows under that name or peer id. */
const find = async (given: string, told: Told): Promise<readonly string[]> => {
  // A directory may well have the name of a node.
  const isFile = await stat(given).then(
    (found) => found.isFile(),
    () => false,
  )
  if (isFile || given.includes('/')) return [await readSmallFile(given, MAX_CERTIFICATE_BYTES)]
  if (told instanceof MeshError) throw told
  const { address, body } = told
  const found = body.certificates.filter(({ name, peerId }) => [name, peerId].includes(given))
  if (found.length > 0) return found.map(({ text }) => text)
  const message = `there is neither a file ${given} nor a certificate of that name at ${address}; see mesh certificate list`
  throw new MeshError('ERR_INPUT_UNREADABLE', message)
}

const describe = (text: string, told: Told, nowMs: number) => {
  const parsed = parseCertificate(text)
  const { network, name, key, issued, expires, namespaces } = parsed.certificate
  const peerId = peerIdFromPublicKey(key)
  const known = told instanceof MeshError ? [] : told.body.certificates
  return {
    ...{ name, network, peerId, key: formatPublicKey(key, 'openssh'), namespaces },
    ...{ issued: formatTimestamp(issued), expires: formatTimestamp(expires) },
    expired: nowMs >= expires,
    signer: formatPublicKey(parsed.signer, 'openssh'),
    signatureGood: isUnchanged(text, parsed),
    ...judge(text, told, nowMs),
    sources: known.find((each) => each.text === text)?.sources ?? [],
  }
}

const SOURCES = {
  own: "the daemon's own",
  listed: 'listed in _mesh/certificates',
  connected: 'of a connected peer',
} as const

const print = (shown: ReturnType<typeof describe>, nowMs: number, context: Context) => {
  const { trusted, why, sources, namespaces, issued, expires } = shown
  return printFields(context, [
    ['name', shown.name],
    ['network', shown.network],
    ['peer id', shown.peerId],
    ['key', shown.key],
    ['issued', `${issued} (${relativeTime(issued, nowMs)})`],
    ['expires', `${expires} (${relativeTime(expires, nowMs)})`],
    ['namespaces', namespaces.length === 0 ? 'none' : namespaces.join(', ')],
    ['signed by', shown.signer],
    ['signature', shown.signatureGood ? 'good' : 'wrong: it was changed after signing'],
    ['known', sources.length === 0 ? 'no' : sources.map((each) => SOURCES[each]).join(', ')],
    ['trusted', `${trusted === null ? 'not known' : trusted ? 'yes' : 'no'}: ${why}`],
  ])
}

const run = async (given: string, options: Options, context: Context): Promise<void> => {
  const told = await ask(options, context)
  const nowMs = context.clock.nowMs()
  const certificates = (await find(given, told)).map((text) => describe(text, told, nowMs))
  if (options.json === true) {
    return printJson(context, 'mesh-certificate-show/1', { certificates })
  }
  for (const [index, each] of certificates.entries()) {
    if (index > 0) await context.out.line()
    await print(each, nowMs, context)
  }
}

export const certificateShowCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Shows a node certificate, from a file or by the name or peer id that a daemon knows it under: whose key it is for, how long and in which namespaces, who has signed it, and whether the daemon would let its bearer in now, and why. A certificate is a text signed by ssh-keygen, not a certificate of OpenSSH. Judges nothing by its exit code: for that there is mesh certificate verify.',
    )
    .argument('<certificate>', 'a file, or a name or peer id')
    .option(...JSON_OPTION)
    .action((given: string, options: Options) => run(given, options, context))
