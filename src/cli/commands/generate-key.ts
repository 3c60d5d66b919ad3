import { hostname, userInfo } from 'node:os'
import { Command, Option } from 'commander'
import { MeshError } from '../../errors/index.ts'
import { formatPublicKey, generatePrivateKey } from '../../keys/index.ts'
import { peerIdFromPublicKey, writePrivateKey } from '../../keys/index.ts'
import { readPassphrase } from '../key-files.ts'
import { writeOutput } from '../output.ts'
import { JSON_OPTION, printFields, printJson } from '../print.ts'
import type { PublicKey } from '../../keys/index.ts'
import type { Context } from '../context.ts'
import type { PassphraseOptions } from '../key-files.ts'
import type { ReadOptions } from '../print.ts'

interface Options extends PassphraseOptions, ReadOptions {
  readonly output: string
  readonly format: 'openssh' | 'pem'
  readonly comment?: string
  readonly force?: boolean
}

interface Kind {
  readonly name: string
  readonly defaultPath: string
  readonly description: string
  /** What the public part is for, as a line to copy. */
  readonly use: (publicKey: PublicKey, line: string) => readonly [label: string, value: string]
}

const PRIVATE_MODE = 0o600
const PUBLIC_MODE = 0o644

const defaultComment = (): string => {
  try {
    return `${userInfo().username}@${hostname()}`
  } catch {
    // A user without an entry in the system's list has no name.
    return hostname()
  }
}

const generate = async (kind: Kind, options: Options, context: Context): Promise<void> => {
  const { output, format, force = false } = options
  const { random } = context
  if (output === '-') {
    throw new MeshError('ERR_USAGE', 'a private key goes into a file, never to standard output')
  }
  const comment = options.comment ?? defaultComment()
  const passphrase = await readPassphrase(options, context.env)
  const key = generatePrivateKey(random)
  const line = formatPublicKey(key.publicKey, 'openssh', comment)
  const text = writePrivateKey(key, { format, passphrase, comment })
  await writeOutput(output, text, { mode: PRIVATE_MODE, force }, random)
  await writeOutput(`${output}.pub`, `${line}\n`, { mode: PUBLIC_MODE, force: true }, random)
  if (options.json === true) {
    const body = {
      kind: kind.name,
      path: output,
      publicKeyPath: `${output}.pub`,
      publicKey: line,
      peerId: peerIdFromPublicKey(key.publicKey),
    }
    return printJson(context, 'mesh-generated-key/1', body)
  }
  await printFields(context, [
    ['private key', `${output} (keep it secret)`],
    ['public key', `${output}.pub`],
    kind.use(key.publicKey, line),
  ])
}

const keyCommand =
  (kind: Kind) =>
  (context: Context): Command =>
    new Command()
      .description(
        `${kind.description} Writes the private key with mode 0600 and the public one beside it (.pub); both are ordinary OpenSSH files.`,
      )
      .option('-o, --output <path>', 'the private key', kind.defaultPath)
      .addOption(
        new Option('--format <format>', 'of the private key')
          .choices(['openssh', 'pem'])
          .default('openssh'),
      )
      .option('--comment <text>', 'comment in the key [else user@host]')
      .option(
        '--passphrase-file <path>',
        'file whose first line is the passphrase [$MESH_PASSPHRASE_FILE; else none]',
      )
      .option('-f, --force', 'replace a key that is there already')
      .option(...JSON_OPTION)
      .action((options: Options) => generate(kind, options, context))

export const identityKeyCommand = keyCommand({
  name: 'identity-key',
  defaultPath: 'identity.key',
  description:
    'Makes the key that is a node (network.identity_key). A daemon makes its own on first start if there is none.',
  use: (publicKey) => ['peer id', peerIdFromPublicKey(publicKey)],
})

export const signingKeyCommand = keyCommand({
  name: 'signing-key',
  defaultPath: 'signing.key',
  description: 'Makes a key that signs files; its public part goes into [files] of every node.',
  use: (_, line) => ['[files]', `"NAME" = ["${line}"]`],
})

export const networkKeyCommand = keyCommand({
  name: 'network-key',
  defaultPath: 'network.key',
  description:
    'Makes a key that signs node certificates; its public part goes into network.keys of every node. Keep the private part off the nodes.',
  use: (_, line) => ['[network]', `keys = ["${line}"]`],
})
