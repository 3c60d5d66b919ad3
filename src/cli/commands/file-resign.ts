import { Command } from 'commander'
import { isMeshError, MeshError } from '../../errors/index.ts'
import { formatPublicKey } from '../../keys/index.ts'
import { isReservedName, parseFileName, parseStatementFile } from '../../statement/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { readPublicKey } from '../key-files.ts'
import { JSON_OPTION, printJson, warn } from '../print.ts'
import { withRetries } from '../retry.ts'
import { collect, withKeyOptions } from '../sign-options.ts'
import { nameOf, readSigningKeys } from '../statement.ts'
import { addSignatures, requireSigner } from '../statement-files.ts'
import { toHeaders } from '../statement-headers.ts'
import type { FileBody, StoredBody } from '../../api/index.ts'
import type { Client } from '../../client/index.ts'
import type { PublicKey, SigningKey } from '../../keys/index.ts'
import type { SignedStatement } from '../../statement/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'
import type { SignOptions } from '../statement.ts'

interface Options extends DaemonOptions, ReadOptions, SignOptions {
  readonly all?: boolean
  readonly signedBy?: readonly string[]
}

/** What came of one file. */
interface Result {
  readonly name: string
  readonly version: number | null
  readonly outcome: 'signed' | 'known' | 'skipped' | 'failed'
  readonly why: string | null
}

const upload = (
  signed: SignedStatement,
  client: Client,
  { signal }: Context,
): Promise<StoredBody> =>
  signed.statement.content === 'deleted'
    ? client.remove(signed.statement.name, toHeaders(signed), { signal })
    : send(signed, signed.statement.content.sizeBytes, client, signal)

/** The daemon's own content goes back to it with one signature more; it checks it as any upload. */
const send = async (
  signed: SignedStatement,
  sizeBytes: number,
  client: Client,
  signal: AbortSignal,
): Promise<StoredBody> => {
  const { name } = signed.statement
  const { chunks } = await client.download(name, { signal })
  return client.upload(name, { ...toHeaders(signed), sizeBytes, chunks }, { signal })
}

/**
 * The present version as the daemon tells it. Its signatures are checked, and by `trusted` one of them
 * must be: whoever signs again vouches for what the daemon says.
 */
const readCurrent = async (
  { name, current }: FileBody,
  trusted: readonly PublicKey[],
  client: Client,
  { signal }: Context,
): Promise<SignedStatement> => {
  const signed = parseStatementFile(await client.statement(name, { signal }))
  if (signed.statement.name !== name || signed.statement.version !== current?.version) {
    throw new MeshError('ERR_RESPONSE_MALFORMED', `${client.address} answers with another version`)
  }
  requireSigner(signed, trusted)
  return signed
}

const resign = async (
  file: FileBody,
  trusted: readonly PublicKey[],
  keys: readonly SigningKey[],
  client: Client,
  context: Context,
): Promise<Result> => {
  const { name, current, state } = file
  const version = current?.version ?? null
  const result = (outcome: Result['outcome'], why: string | null = null): Result => ({
    ...{ name, version, outcome, why },
  })
  if (current === null) return result('skipped', 'nothing was published')
  const missing = keys.filter(
    ({ publicKey }) => !current.signers.includes(formatPublicKey(publicKey, 'openssh')),
  )
  if (missing.length === 0) return result('known')
  if (state === 'expired') return result('skipped', 'it has expired')
  const before = await withRetries(context, () => readCurrent(file, trusted, client, context))
  const signed = await addSignatures(before, missing)
  const { current: after } = await withRetries(context, () => upload(signed, client, context))
  const refused = missing.filter(
    ({ publicKey }) => !after.signers.includes(formatPublicKey(publicKey, 'openssh')),
  )
  const [first] = refused
  if (first === undefined) return result('signed')
  const key = formatPublicKey(first.publicKey, 'openssh')
  return result('failed', `${key} may not sign it there; add it to the signers and reload first`)
}

/** Names given, or with `--all` every one; of these, those that `--signed-by` picks. */
const choose = async (
  names: readonly string[],
  all: boolean,
  by: readonly PublicKey[],
  client: Client,
  { signal }: Context,
): Promise<FileBody[]> => {
  const { files } = await client.files({ signal })
  const wanted = names.map((name) => nameOf(name, name))
  for (const name of wanted) {
    if (files.some((file) => file.name === name)) continue
    throw new MeshError(
      'ERR_FILE_NOT_CONFIGURED',
      `${client.address} is not configured for ${name}`,
    )
  }
  const signers = by.map((key) => formatPublicKey(key, 'openssh'))
  return files.filter(
    ({ name, current }) =>
      (all
        ? current !== null && !isReservedName(parseFileName(name))
        : wanted.some((each) => each === name)) &&
      (signers.length === 0 ||
        current?.signers.some((signer) => signers.includes(signer)) === true),
  )
}

const describe = ({ name, version, outcome, why }: Result): string => {
  if (outcome === 'signed') return `${name} version ${version} signed`
  if (outcome === 'known') return `${name} version ${version} had the signature already`
  return `${name}${version === null ? '' : ` version ${version}`} ${outcome}: ${why}`
}

const run = async (names: readonly string[], options: Options, context: Context): Promise<void> => {
  const { all = false, signedBy = [], json } = options
  if (all === names.length > 0) {
    throw new MeshError('ERR_USAGE', 'name the files, or say --all for every file of the daemon')
  }
  if (signedBy.length === 0) {
    const message =
      'say whose word is taken for the present versions: --signed-by with the key that signed them'
    throw new MeshError('ERR_USAGE', message)
  }
  const keys = await readSigningKeys(options, context)
  const by = await Promise.all(signedBy.map(readPublicKey))
  const client = connect(options, context)
  const files = await withRetries(context, () => choose(names, all, by, client, context))
  const trusted = [...by, ...keys.map(({ publicKey }) => publicKey)]
  const results: Result[] = []
  for (const file of files) {
    const result = await resign(file, trusted, keys, client, context).catch((error: unknown) => {
      if (!isMeshError(error) || error.code === 'ERR_ABORTED') throw error
      const version = file.current?.version ?? null
      return { name: file.name, version, outcome: 'failed' as const, why: error.message }
    })
    results.push(result)
    if (json === true) continue
    if (result.outcome === 'failed') await warn(context, describe(result))
    else await context.out.line(describe(result))
  }
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  if (json === true) await printJson(context, 'mesh-file-resign/1', { files: results })
  if (results.length === 0 && json !== true)
    await context.out.line('No file is signed by that key.')
  const [first] = failed
  if (first === undefined) return
  const message = `${failed.length} of ${results.length} files were not signed: ${first.name}: ${first.why}`
  throw new MeshError('ERR_FILE_SIGNER_NOT_ALLOWED', message)
}

export const fileResignCommand = (context: Context): Command =>
  withDaemonOptions(withKeyOptions(new Command()))
    .description(
      'Adds the signature of another key to the present versions of files, so that the key that signed them can be withdrawn and nothing falls back. The new key must be allowed to sign first. The versions stay the same, and so does their content.',
    )
    .argument('[names...]', 'names of signed files')
    .option('--all', 'every file of the daemon that --signed-by has signed')
    .option(
      '--signed-by <key>',
      'required: public key, or file of one, that has signed what is there, and is going to be withdrawn; may be repeated',
      collect,
    )
    .option(...JSON_OPTION)
    .action((names: string[], options: Options) => run(names, options, context))
