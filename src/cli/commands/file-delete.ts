import { Command } from 'commander'
import { MeshError } from '../../errors/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { withRetries } from '../retry.ts'
import { withStatementOptions } from '../sign-options.ts'
import { lookUp, makeStatement, nameOf, readSigningKeys, warnOfDistance } from '../statement.ts'
import { toHeaders } from '../statement-headers.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'
import type { SignOptions } from '../statement.ts'

interface Options extends DaemonOptions, ReadOptions, SignOptions {
  readonly force?: boolean
}

const run = async (given: string, options: Options, context: Context): Promise<void> => {
  const { out, signal } = context
  const { force = false } = options
  const name = nameOf(given, given)
  const keys = await readSigningKeys(options, context)
  const client = connect(options, context)
  const standing = await withRetries(context, () => lookUp(client, name, context))
  const { current } = standing
  if (current === null && options.version === undefined) {
    throw new MeshError('ERR_FILE_NOT_FOUND', `nothing was published as ${name} yet`)
  }
  if (current?.deleted === true && options.version === undefined) {
    const body = { name, version: current.version, id: current.id, outcome: 'known' }
    if (options.json === true) return printJson(context, 'mesh-file-delete/1', body)
    return out.line(`${name} is deleted already, by version ${current.version}`)
  }
  const input = { name, content: 'deleted', options, standing } as const
  const signed = await makeStatement(input, keys, context)
  await warnOfDistance(context, signed.statement, standing)
  const { outcome } = await withRetries(context, () =>
    client.remove(name, { ...toHeaders(signed), force }, { signal }),
  )
  const { version } = signed.statement
  if (options.json === true) {
    return printJson(context, 'mesh-file-delete/1', { name, version, id: signed.id, outcome })
  }
  await out.line(`${name} deleted by version ${version} at ${client.address}`)
}

export const fileDeleteCommand = (context: Context): Command =>
  withDaemonOptions(withStatementOptions(new Command()))
    .description(
      'Deletes a file everywhere: signs a version that says so and hands it to a daemon. Signers may publish over it later.',
    )
    .argument('<name>', 'name of the signed file')
    .option('-f, --force', 'allow a version far above the current one')
    .option(...JSON_OPTION)
    .action((name: string, options: Options) => run(name, options, context))
