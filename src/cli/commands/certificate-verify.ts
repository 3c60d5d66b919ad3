import { Command } from 'commander'
import { MAX_CERTIFICATE_BYTES, formatPublicKey, parseCertificate } from '../../keys/index.ts'
import { peerIdFromPublicKey, verifyCertificate } from '../../keys/index.ts'
import { MeshError } from '../../errors/index.ts'
import { formatTimestamp } from '../../util/index.ts'
import { readSmallFile } from '../content.ts'
import { readPublicKey } from '../key-files.ts'
import { JSON_OPTION, printFields, printJson } from '../print.ts'
import { relativeTime } from '../show.ts'
import { collect } from '../sign-options.ts'
import type { PublicKey } from '../../keys/index.ts'
import type { Context } from '../context.ts'
import type { ReadOptions } from '../print.ts'

interface Options extends ReadOptions {
  readonly networkKey?: readonly string[]
  readonly network?: string
  readonly config?: string
  readonly key?: string
}

/** What the certificate must fit: from a configuration, or told. */
const expectations = async ({
  config: path,
  network,
  networkKey = [],
}: Options): Promise<{ network: string; networkKeys: readonly PublicKey[] }> => {
  const told = await Promise.all(networkKey.map(readPublicKey))
  if (path !== undefined) {
    const { loadConfig } = await import('../../config/index.ts')
    const config = await loadConfig(path)
    return {
      network: network ?? config.network.id,
      networkKeys: told.length > 0 ? told : config.network.keys,
    }
  }
  if (network !== undefined && told.length > 0) return { network, networkKeys: told }
  throw new MeshError('ERR_USAGE', 'give --network and --network-key, or --config which has both')
}

const run = async (path: string, options: Options, context: Context): Promise<void> => {
  const { network, networkKeys } = await expectations(options)
  const key = options.key === undefined ? undefined : await readPublicKey(options.key)
  const text = await readSmallFile(path, MAX_CERTIFICATE_BYTES)
  const nowMs = context.clock.nowMs()
  const certificate = verifyCertificate(text, { network, networkKeys, key, nowMs })
  const peerId = peerIdFromPublicKey(certificate.key)
  const signer = formatPublicKey(parseCertificate(text).signer, 'openssh')
  const [issued, expires] = [certificate.issued, certificate.expires].map(formatTimestamp)
  const { name, namespaces } = certificate
  if (options.json === true) {
    const body = { name, network, peerId, issued, expires, namespaces, signer }
    return printJson(context, 'mesh-certificate/1', body)
  }
  await printFields(context, [
    ['good', name],
    ['network', network],
    ['peer id', peerId],
    ['issued', issued ?? ''],
    ['expires', `${expires} (${relativeTime(expires ?? '', nowMs)})`],
    ['namespaces', namespaces.length === 0 ? 'none' : namespaces.join(', ')],
  ])
}

export const certificateVerifyCommand = (context: Context): Command =>
  new Command()
    .description(
      'Checks a node certificate: form, signature, network, expiry, and whose key it is for.',
    )
    .argument('<file>', 'the certificate')
    .option('--network-key <key>', 'public network key, or file of one; may be repeated', collect)
    .option('--network <id>', 'network id')
    .option('-c, --config <path>', 'configuration to take network id and keys from')
    .option('-k, --key <key>', 'peer id, public key, or file of one, that it must be for')
    .option(...JSON_OPTION)
    .action((path: string, options: Options) => run(path, options, context))
