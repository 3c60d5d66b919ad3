import { basename } from 'node:path'
import { Command } from 'commander'
import { MeshError } from '../../errors/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { withRetries } from '../retry.ts'
import { withStatementOptions } from '../sign-options.ts'
import { lookUp, makeStatement, nameOf, readSigningKeys, warnOfDistance } from '../statement.ts'
import {
  reportStatement,
  readStatementFile,
  requireValidSignatures,
  writeStatementFile,
} from '../statement-files.ts'
import { toHeaders } from '../statement-headers.ts'
import type { FileName, SignedStatement } from '../../statement/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'
import type { SignOptions } from '../statement.ts'

interface Options extends DaemonOptions, ReadOptions, SignOptions {
  readonly force?: boolean
  readonly statement?: string
  readonly statementOut?: string
  readonly statementOnly?: boolean
}

const run = async (given: string, options: Options, context: Context): Promise<void> => {
  const { out } = context
  const { force = false } = options
  const name = nameOf(given, given)
  if (options.statement !== undefined) {
    return deliver(await usePrepared(options.statement, name), options, context)
  }
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
  const { statementOnly = false } = options
  const path = options.statementOut ?? (statementOnly ? `${basename(name)}.stmt` : undefined)
  if (path !== undefined) await writeStatementFile(path, signed, force, context)
  if (statementOnly) await reportStatement(signed, path, options, context)
  else await deliver(signed, options, context)
}

/** A tombstone that others have signed before. */
const usePrepared = async (path: string, name: FileName): Promise<SignedStatement> => {
  const signed = await readStatementFile(path)
  requireValidSignatures(signed)
  const { content, name: stated } = signed.statement
  if (content !== 'deleted') throw new MeshError('ERR_USAGE', `${path} does not delete anything`)
  if (stated === name) return signed
  throw new MeshError('ERR_USAGE', `${path} is about ${stated}, not ${name}`)
}

const deliver = async (
  signed: SignedStatement,
  options: Options,
  context: Context,
): Promise<void> => {
  const client = connect(options, context)
  const { signal, out } = context
  const { force = false } = options
  const { name } = signed.statement
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
      'Deletes a file everywhere: signs a version that says so and hands it to a daemon. Its content goes too, for good where purge_after is not set; with that, mesh file restore brings it back meanwhile. Signers may publish over it later.',
    )
    .argument('<name>', 'name of the signed file')
    .option('-f, --force', 'allow a version far above the current one, and replace what -o names')
    .option('--statement <file>', 'delete with a statement that is signed already; takes no --key')
    .option('-o, --statement-out <file>', 'keep the signed statement here as well')
    .option('--statement-only', 'make the statement (NAME.stmt, or -o) for further signers')
    .option(...JSON_OPTION)
    .action((name: string, options: Options) => run(name, options, context))
