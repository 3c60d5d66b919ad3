import { Command } from 'commander'
import { isMeshError, MeshError } from '../../errors/index.ts'
import { openContent } from '../content.ts'
import { createProgress } from '../progress.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { withStatementOptions } from '../sign-options.ts'
import { lookUp, makeStatement, nameOf, readSigningKeys, warnOfDistance } from '../statement.ts'
import { addSignatures, describeStatement } from '../statement-files.ts'
import { readStatementFile, writeStatementFile } from '../statement-files.ts'
import { toCurlArguments } from '../statement-headers.ts'
import type { FileName, SignedStatement } from '../../statement/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { SignOptions, Standing } from '../statement.ts'

interface Options extends DaemonOptions, SignOptions {
  readonly name?: string
  readonly output?: string
  readonly curl?: boolean
  readonly force?: boolean
}

const SUFFIX = '.stmt'

/** Without `--version` or `--network` the daemon has to be asked; with both nobody is. */
const ask = async (
  name: FileName,
  options: Options,
  context: Context,
): Promise<Standing | undefined> => {
  const network = options.network ?? context.env.MESH_NETWORK
  if (options.version !== undefined && network !== undefined) return undefined
  try {
    return await lookUp(connect(options, context), name, context)
  } catch (error) {
    if (!isMeshError(error, 'ERR_DAEMON_UNREACHABLE')) throw error
    const message = `${error.message}; with --network and --version no daemon is asked`
    throw new MeshError(error.code, message, { data: error.data, cause: error })
  }
}

const signContent = async (
  path: string,
  options: Options,
  context: Context,
): Promise<SignedStatement> => {
  const name = nameOf(options.name, path)
  const content = await openContent(path, context.random, (totalBytes) =>
    createProgress(context, totalBytes, 'reading'),
  )
  try {
    const keys = await readSigningKeys(options, context)
    const standing = await ask(name, options, context)
    const signed = await makeStatement({ name, content, options, standing }, keys, context)
    if (standing !== undefined) await warnOfDistance(context, signed.statement, standing)
    return signed
  } finally {
    await content.close()
  }
}

const deliver = async (
  signed: SignedStatement,
  path: string,
  options: Options,
  replace: boolean,
  context: Context,
): Promise<void> => {
  const { curl = false, output } = options
  if (output !== undefined || !curl) {
    await writeStatementFile(output ?? path, signed, replace, context)
  }
  if (curl) return context.out.line(toCurlArguments(signed))
  if (output === '-') return
  const count = signed.signatures.length
  const by = count === 1 ? '1 signature' : `${count} signatures`
  await context.out.line(`${output ?? path}: ${describeStatement(signed.statement)}, ${by}`)
}

const run = async (path: string, options: Options, context: Context): Promise<void> => {
  const { force = false } = options
  if (path.endsWith(SUFFIX)) {
    const fixed = [options.name, options.network, options.version, options.expires]
    if (fixed.some((each) => each !== undefined)) {
      const message = `${path} says all that already; only a signature can be added to it`
      throw new MeshError('ERR_USAGE', message)
    }
    const before = await readStatementFile(path)
    const signed = await addSignatures(before, await readSigningKeys(options, context))
    return deliver(signed, path, options, options.output === undefined || force, context)
  }
  const signed = await signContent(path, options, context)
  const target = path === '-' ? '-' : `${path}${SUFFIX}`
  const out =
    path === '-' && options.curl !== true ? { ...options, output: options.output ?? '-' } : options
  await deliver(signed, target, out, force, context)
}

export const fileSignCommand = (context: Context): Command =>
  withDaemonOptions(withStatementOptions(new Command()))
    .description(
      'Signs a file without uploading it: writes PATH.stmt, which "mesh file update --statement" or curl uploads. With a .stmt file as PATH, adds a signature to it. Asks no daemon when --network and --version are given.',
    )
    .argument('<path>', 'content to sign (- is standard input), or a .stmt file to co-sign')
    .option('-n, --name <name>', 'name of the signed file [else the last part of PATH]')
    .option('--expires <when>', 'when every node stops showing it: 30d, 2027-01-31, never')
    .option(
      '-o, --output <file>',
      'where the statement goes [else PATH.stmt]; - is standard output',
    )
    .option('-f, --force', 'replace a statement that is there already')
    .option('--curl', 'print arguments for curl instead, as "mesh file headers" does')
    .action((path: string, options: Options) => run(path, options, context))
