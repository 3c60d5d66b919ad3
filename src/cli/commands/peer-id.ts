import { Command } from 'commander'
import { isMeshError } from '../../errors/index.ts'
import { MAX_KEY_TEXT_BYTES, peerIdFromPublicKey } from '../../keys/index.ts'
import { readSmallFile } from '../content.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { readKeyFile, readPublicKey, withPassphraseOption } from '../key-files.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import type { PublicKey } from '../../keys/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { PassphraseOptions } from '../key-files.ts'
import type { ReadOptions } from '../print.ts'

interface Options extends DaemonOptions, PassphraseOptions, ReadOptions {
  readonly key?: string
}

/** The public part of a private key file, or the key that is given in any other way. */
const publicKeyOf = async (
  given: string,
  options: Options,
  context: Context,
): Promise<PublicKey> => {
  const text = await readSmallFile(given, MAX_KEY_TEXT_BYTES).catch((error: unknown) => {
    if (isMeshError(error)) return ''
    throw error
  })
  return /^\s*-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)
    ? (await readKeyFile(given, options, context)).publicKey
    : readPublicKey(given)
}

export const peerIdCommand = (context: Context): Command =>
  withDaemonOptions(withPassphraseOption(new Command()))
    .description('Prints the peer id of a key, or without --key of the daemon.')
    .option('-k, --key <key>', 'file of a private or public key, or a public key')
    .option(...JSON_OPTION)
    .action(async (options: Options) => {
      const print = (peerId: string): Promise<void> =>
        options.json === true
          ? printJson(context, 'mesh-peer-id/1', { peerId })
          : context.out.line(peerId)
      if (options.key !== undefined) {
        const publicKey = await publicKeyOf(options.key, options, context)
        return print(peerIdFromPublicKey(publicKey))
      }
      const { peerId } = await connect(options, context).status({ signal: context.signal })
      await print(peerId)
    })
