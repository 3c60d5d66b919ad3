import { Command } from 'commander'
import { isMeshError, MeshError } from '../../errors/index.ts'
import { formatPublicKey } from '../../keys/index.ts'
import { formatTimestamp } from '../../util/index.ts'
import { openContent } from '../content.ts'
import { createProgress } from '../progress.ts'
import { readPublicKey } from '../key-files.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { collect } from '../sign-options.ts'
import { describeStatement, readStatementFile, requireSigner } from '../statement-files.ts'
import type { SignedStatement, Statement } from '../../statement/index.ts'
import type { Content } from '../content.ts'
import type { Context } from '../context.ts'
import type { ReadOptions } from '../print.ts'

interface Options extends ReadOptions {
  readonly statement?: string
  readonly signer: readonly string[]
  readonly name?: string
  readonly network?: string
}

const requireFacts = (
  { name, network, expires }: Statement,
  wanted: Options,
  nowMs: number,
): void => {
  if (wanted.name !== undefined && wanted.name !== name) {
    const message = `the statement is about ${name}, not ${wanted.name}`
    throw new MeshError('ERR_FILE_CONTENT_MISMATCH', message)
  }
  if (wanted.network !== undefined && wanted.network !== network) {
    const message = `the statement is for the network ${network}, not ${wanted.network}`
    throw new MeshError('ERR_FILE_NETWORK_MISMATCH', message)
  }
  if (expires !== 'never' && expires <= nowMs) {
    const message = `${name} expired at ${formatTimestamp(expires)}`
    throw new MeshError('ERR_FILE_EXPIRED', message)
  }
}

const requireContent = (
  { name, version, content, blocks }: Statement,
  { digest, sizeBytes, shown, listed }: Content,
): void => {
  if (content === 'deleted') {
    const message = `the statement deletes ${name}; there is no content to it`
    throw new MeshError('ERR_FILE_CONTENT_MISMATCH', message)
  }
  if (content.digest === digest && content.sizeBytes === sizeBytes) {
    if (blocks === 'none' || blocks === listed) return
    const message = `${shown} is version ${version} of ${name}, but its blocks are not those that the statement names (list sha256 ${listed}, and the statement says ${blocks}): no node can take it in; sign it again`
    throw new MeshError('ERR_FILE_CONTENT_MISMATCH', message)
  }
  const message = `${shown} is not version ${version} of ${name}: sha256 ${digest}, and the statement says ${content.digest}`
  throw new MeshError('ERR_FILE_CONTENT_MISMATCH', message)
}

const readProof = async (path: string, { statement }: Options): Promise<SignedStatement> => {
  try {
    return await readStatementFile(statement ?? `${path}.stmt`)
  } catch (error) {
    if (statement !== undefined || !isMeshError(error, 'ERR_INPUT_UNREADABLE')) throw error
    const message = `${error.message}; name the statement with --statement (a daemon keeps those of its files/ in statements/)`
    throw new MeshError(error.code, message, { data: error.data, cause: error })
  }
}

const run = async (path: string, options: Options, context: Context): Promise<void> => {
  const signers = await Promise.all(options.signer.map(readPublicKey))
  const signed = await readProof(path, options)
  const by = requireSigner(signed, signers).map((key) => formatPublicKey(key, 'openssh'))
  const { statement } = signed
  requireFacts(statement, options, context.clock.nowMs())
  const content = await openContent(path, context.random, (totalBytes) =>
    createProgress(context, totalBytes, 'reading'),
  )
  try {
    requireContent(statement, content)
  } finally {
    await content.close()
  }
  if (options.json === true) {
    const { name, network, version } = statement
    const { digest: sha256, sizeBytes } = content
    const blocks = statement.blocks === 'none' ? null : statement.blocks
    const body = { name, network, version, id: signed.id, sha256, sizeBytes, blocks, signers: by }
    return printJson(context, 'mesh-file-verify/1', body)
  }
  await context.out.line(`good: ${describeStatement(statement)}\nsigned by ${by.join(', ')}`)
}

export const fileVerifyCommand = (context: Context): Command =>
  new Command()
    .description(
      'Checks a file against its statement, without a daemon: content, signatures, expiry, and that one of the given keys signed.',
    )
    .argument('<path>', 'the file; - is standard input')
    .requiredOption('--signer <key>', 'public key, or file of one; may be repeated', collect)
    .option('-s, --statement <file>', 'its statement [else PATH.stmt]')
    .option('-n, --name <name>', 'the name it must have')
    .option('--network <id>', 'the network it must be for')
    .option(...JSON_OPTION)
    .action((path: string, options: Options) => run(path, options, context))
