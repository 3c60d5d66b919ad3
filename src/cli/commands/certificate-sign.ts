import { Command } from 'commander'
import { MeshError } from '../../errors/index.ts'
import { parseCertificate, peerIdFromPublicKey, signCertificate } from '../../keys/index.ts'
import { formatTimestamp } from '../../util/index.ts'
import { parseExpiry, toTimestamp } from '../expiry.ts'
import { readPublicKey } from '../key-files.ts'
import { chooseNetwork } from '../statement.ts'
import { writeOutput } from '../output.ts'
import { collect } from '../sign-options.ts'
import { readNetworkKey, withNetworkKeyOption } from '../trust.ts'
import type { NodeCertificate } from '../../keys/index.ts'
import type { Context } from '../context.ts'
import type { NetworkKeyOptions } from '../trust.ts'

interface Options extends NetworkKeyOptions {
  readonly name: string
  readonly key: string
  readonly expires: string
  readonly network?: string
  readonly namespace?: readonly string[]
  readonly output?: string
  readonly force?: boolean
}

const CERTIFICATE_MODE = 0o644

const makeCertificate = async (
  { name, key, expires, network, namespace = [] }: Options,
  { clock, env }: Context,
): Promise<NodeCertificate> => {
  const nowMs = clock.nowMs()
  const issued = toTimestamp(nowMs)
  if (issued === undefined) throw new MeshError('ERR_USAGE', "set this machine's clock first")
  return {
    network: chooseNetwork(network, undefined, env),
    name,
    key: await readPublicKey(key),
    issued,
    expires: parseExpiry(expires, nowMs),
    namespaces: namespace,
  }
}

const run = async (options: Options, context: Context): Promise<void> => {
  const { out, random } = context
  const certificate = await makeCertificate(options, context)
  const networkKey = await readNetworkKey(options, context)
  const text = await signCertificate(networkKey, certificate)
  const output = options.output ?? `${certificate.name}.cert`
  if (output === '-') return out.write(text)
  const { force = false } = options
  await writeOutput(output, text, { mode: CERTIFICATE_MODE, force }, random)
  const { name, key, expires } = parseCertificate(text).certificate
  await out.line(
    `${output}: ${name} is ${peerIdFromPublicKey(key)} until ${formatTimestamp(expires)}`,
  )
}

export const certificateSignCommand = (context: Context): Command =>
  withNetworkKeyOption(
    new Command()
      .description(
        'Makes a node certificate: the right of one key to be in a network, under a name, until a date. It is no secret.',
      )
      .requiredOption('-n, --name <name>', 'name of the node, for people')
      .requiredOption('-k, --key <key>', "the node's peer id, public key, or file of one")
      .requiredOption('--expires <when>', 'when it ends: 365d, 2027-01-31')
      .option('--network <id>', 'network id [$MESH_NETWORK]')
      .option('--namespace <name>', 'namespace the node may write to; may be repeated', collect)
      .option('-o, --output <file>', 'where it goes [else NAME.cert]; - is standard output')
      .option('-f, --force', 'replace a certificate that is there already'),
  ).action((options: Options) => run(options, context))
