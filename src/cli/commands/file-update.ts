import { Command } from 'commander'
import { MeshError } from '../../errors/index.ts'
import { formatSize } from '../../util/index.ts'
import { openContent } from '../content.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { createProgress } from '../progress.ts'
import { JSON_OPTION, printJson, warn } from '../print.ts'
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
import type { StoredBody } from '../../api/index.ts'
import type { Client } from '../../client/index.ts'
import type { SignedStatement } from '../../statement/index.ts'
import type { Content } from '../content.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'
import type { SignOptions } from '../statement.ts'

interface Options extends DaemonOptions, ReadOptions, SignOptions {
  readonly name?: string
  readonly force?: boolean
  readonly statement?: string
  readonly statementOnly?: boolean
  readonly statementOut?: string
}

/** The statement to upload: made now, or by others before. */
const obtainStatement = async (
  path: string,
  content: Content,
  options: Options,
  client: Client,
  context: Context,
): Promise<SignedStatement> => {
  if (options.statement !== undefined) return usePrepared(options.statement, content, options)
  const name = nameOf(options.name, path)
  // Before the daemon is asked: a passphrase takes its time to type.
  const keys = await readSigningKeys(options, context)
  const standing = await withRetries(context, () => lookUp(client, name, context))
  const signed = await makeStatement({ name, content, options, standing }, keys, context)
  await warnOfDistance(context, signed.statement, standing)
  return signed
}

const usePrepared = async (
  path: string,
  { digest, sizeBytes, shown, listed }: Content,
  { name }: Options,
): Promise<SignedStatement> => {
  const signed = await readStatementFile(path)
  requireValidSignatures(signed)
  const { content, name: stated } = signed.statement
  if (name !== undefined && name !== stated) {
    throw new MeshError('ERR_USAGE', `${path} is about ${stated}, not ${name}`)
  }
  if (content !== 'deleted' && content.digest === digest && content.sizeBytes === sizeBytes) {
    const { blocks } = signed.statement
    if (blocks === 'none' || blocks === listed) return signed
    throw new MeshError(
      'ERR_FILE_CONTENT_MISMATCH',
      `${path} names another block list than ${shown} has; sign it again`,
    )
  }
  throw new MeshError('ERR_FILE_CONTENT_MISMATCH', `${path} is not about the content of ${shown}`)
}

const upload = (
  signed: SignedStatement,
  content: Content,
  force: boolean,
  client: Client,
  context: Context,
): Promise<StoredBody> =>
  withRetries(context, async () => {
    const progress = createProgress(context, content.sizeBytes, 'sending')
    try {
      return await client.upload(
        signed.statement.name,
        {
          ...toHeaders(signed),
          sizeBytes: content.sizeBytes,
          chunks: content.chunks(),
          force,
          onProgress: progress.update,
        },
        { signal: context.signal },
      )
    } finally {
      progress.end()
    }
  })

const report = async (
  signed: SignedStatement,
  content: Content,
  { outcome, current }: StoredBody,
  { json }: ReadOptions,
  { address }: Client,
  context: Context,
): Promise<void> => {
  const { name, version } = signed.statement
  const { digest, sizeBytes } = content
  if (json === true) {
    const body = { name, version, id: signed.id, sha256: digest, sizeBytes, outcome, address }
    return printJson(context, 'mesh-file-update/1', { ...body, current })
  }
  const what = outcome === 'stored' ? 'stored at' : 'was already held by'
  const size = formatSize(sizeBytes)
  await context.out.line(`${name} version ${version} ${what} ${address}, ${size}, sha256 ${digest}`)
  if (current.id !== signed.id) {
    await warn(context, `version ${current.version} (${current.id}) wins there, not this one`)
  }
}

const run = async (path: string, options: Options, context: Context): Promise<void> => {
  const content = await openContent(path, context.random, (totalBytes) =>
    createProgress(context, totalBytes, 'reading'),
  )
  try {
    const client = connect(options, context)
    const signed = await obtainStatement(path, content, options, client, context)
    const { statementOnly = false, force = false } = options
    const beside = path === '-' ? '-' : `${path}.stmt`
    const out = options.statementOut ?? (statementOnly ? beside : undefined)
    if (out !== undefined) await writeStatementFile(out, signed, force, context)
    if (statementOnly) return reportStatement(signed, out, options, context)
    const stored = await upload(signed, content, force, client, context)
    await report(signed, content, stored, options, client, context)
  } finally {
    await content.close()
  }
}

export const fileUpdateCommand = (context: Context): Command =>
  withDaemonOptions(withStatementOptions(new Command()))
    .description(
      'Signs a new version of a file and hands it to a daemon, which spreads it. PATH may be - for standard input.',
    )
    .argument('<path>', 'content of the new version')
    .option('-n, --name <name>', 'name of the signed file [else the last part of PATH]')
    .option('--expires <when>', 'when every node stops showing it: 30d, 2027-01-31, never')
    .option('-f, --force', 'allow a version far above the current one, and replace what -o names')
    .option('--statement <file>', 'upload with a statement that is signed already; takes no --key')
    .option('-o, --statement-out <file>', 'keep the signed statement here as well')
    .option('--statement-only', 'make the statement (PATH.stmt, or -o) and upload nothing')
    .option(...JSON_OPTION)
    .action((path: string, options: Options) => run(path, options, context))
