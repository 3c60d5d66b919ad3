import { InvalidArgumentError, Option } from 'commander'
import { withAgentOption } from './agent.ts'
import { withPassphraseOption } from './key-files.ts'
import type { Command } from 'commander'

/** Collects an option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  value,
]

/** A counter as a statement has it: 1 to 2^53 − 1. */
export const parseVersion = (text: string): number => {
  const version = Number(text)
  if (/^[1-9]\d{0,15}$/.test(text) && Number.isSafeInteger(version)) return version
  throw new InvalidArgumentError('It must be a whole number from 1 on')
}

/** Adds `--key` and what goes with it. */
export const withKeyOptions = (command: Command): Command =>
  withAgentOption(
    withPassphraseOption(
      command
        .option('-k, --key <path>', 'private key that signs; may be repeated [$MESH_KEY]', collect)
        .addOption(new Option('--key-path <path>', 'the same').argParser(collect).hideHelp()),
    ),
  )

/** Adds what decides about a new statement. */
export const withStatementOptions = (command: Command): Command =>
  withKeyOptions(command)
    .option('--certificate <file>', 'node certificate, for a file of a namespace')
    .option('--network <id>', 'network id [$MESH_NETWORK; else asked of the daemon]')
    .option('--version <n>', 'version [else one more than the daemon has]', parseVersion)
