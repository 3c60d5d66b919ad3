import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createReadStream } from 'node:fs'
import { Command } from 'commander'
import { MeshError } from '../../errors/index.ts'
import { parseFileName } from '../../statement/index.ts'
import { createDigester } from '../../util/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { readPublicKey } from '../key-files.ts'
import { makeScratch, stageFile } from '../output.ts'
import { createProgress } from '../progress.ts'
import { collect } from '../sign-options.ts'
import { describeStatement, requireSigner, requireValidSignatures } from '../statement-files.ts'
import { fromHeaders } from '../statement-headers.ts'
import type { Download } from '../../client/index.ts'
import type { FileName, SignedStatement } from '../../statement/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { PendingFile } from '../output.ts'

interface Options extends DaemonOptions {
  readonly output?: string
  readonly signer?: readonly string[]
}

const OUTPUT_MODE = 0o644

/** The statement that came with the content, if it is about this file and by the right people. */
const judge = async (
  download: Download,
  name: FileName,
  { signer = [] }: Options,
): Promise<SignedStatement> => {
  const signed = fromHeaders(download)
  if (signed.statement.name !== name) {
    const message = `the daemon sent a statement about ${signed.statement.name}, not ${name}`
    throw new MeshError('ERR_FILE_CONTENT_MISMATCH', message)
  }
  if (signer.length === 0) requireValidSignatures(signed)
  else requireSigner(signed, await Promise.all(signer.map(readPublicKey)))
  return signed
}

/** Writes what arrives, and fails unless it is exactly what the statement says. */
const receive = async (
  { chunks }: Download,
  { statement: { name, content } }: SignedStatement,
  file: Pick<PendingFile, 'write'>,
  context: Context,
): Promise<void> => {
  const wrong = new MeshError(
    'ERR_FILE_CONTENT_MISMATCH',
    `what the daemon sent as ${name} is not what its statement says`,
  )
  if (content === 'deleted') throw wrong
  const progress = createProgress(context, content.sizeBytes, 'reading')
  const digester = createDigester()
  let length = 0
  try {
    for await (const chunk of chunks) {
      length += chunk.length
      if (length > content.sizeBytes) throw wrong
      digester.update(chunk)
      await file.write(chunk)
      progress.update(length)
    }
  } finally {
    progress.end()
  }
  if (length !== content.sizeBytes || digester.digest() !== content.digest) throw wrong
}

const getToFile = async (
  path: string,
  download: Download,
  signed: SignedStatement,
  context: Context,
): Promise<void> => {
  const file = await stageFile(path, { mode: OUTPUT_MODE, force: true }, context.random)
  try {
    await receive(download, signed, file, context)
    await file.commit()
  } finally {
    await file.discard()
  }
  await context.err.line(`${path}: ${describeStatement(signed.statement)}`)
}

/** By way of a private file: nothing comes out before all of it is known to be right. */
const getToOutput = async (
  download: Download,
  signed: SignedStatement,
  context: Context,
): Promise<void> => {
  const scratch = await makeScratch(tmpdir(), context.random)
  try {
    const path = join(scratch.path, 'content')
    const file = await stageFile(path, { mode: 0o600, force: true }, context.random)
    try {
      await receive(download, signed, file, context)
      await file.commit()
    } finally {
      await file.discard()
    }
    for await (const chunk of createReadStream(path)) await context.out.write(chunk)
  } finally {
    await scratch.remove()
  }
}

const run = async (given: string, options: Options, context: Context): Promise<void> => {
  const name = parseFileName(given)
  const { signal } = context
  const download = await connect(options, context).download(name, { signal })
  const signed = await judge(download, name, options)
  const { output } = options
  if (output === undefined || output === '-') return getToOutput(download, signed, context)
  await getToFile(output, download, signed, context)
}

export const fileGetCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Reads a file from a daemon. Nothing comes out unless it is what its statement says and the signatures hold; with --signer, one of these keys must have signed.',
    )
    .argument('<name>', 'name of the signed file')
    .option('-o, --output <file>', 'where it goes [else standard output]')
    .option('--signer <key>', 'public key, or file of one; may be repeated', collect)
    .action((name: string, options: Options) => run(name, options, context))
