import { Command } from 'commander'
import { MeshError } from '../../errors/index.ts'
import { parseFileName } from '../../statement/index.ts'
import { isTrustFile } from '../../trust/index.ts'
import { parseDigest } from '../../util/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { howToRestore } from '../restorable.ts'
import { withRetries } from '../retry.ts'
import { parseVersion, withKeyOptions } from '../sign-options.ts'
import { lookUp, makeStatement, readSigningKeys } from '../statement.ts'
import { writeStatementFile } from '../statement-files.ts'
import { toHeaders } from '../statement-headers.ts'
import type { HistoryVersionBody } from '../../api/index.ts'
import type { Client } from '../../client/index.ts'
import type { FileName } from '../../statement/index.ts'
import type { Digest } from '../../util/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'
import type { SignOptions } from '../statement.ts'

interface Options extends DaemonOptions, ReadOptions, SignOptions {
  readonly id?: string
  readonly statementOut?: string
  readonly force?: boolean
}

/** The one remembered version that is meant. */
const choose = async (
  client: Client,
  name: FileName,
  { version, id }: Options,
  { signal }: Context,
): Promise<HistoryVersionBody> => {
  const { versions } = await client.history(name, { signal })
  const advice = (): string => howToRestore(name, versions, client.address)
  if (version === undefined && id === undefined) {
    const [newest] = versions
    const state = newest?.content === null ? `version ${newest.version} is a deletion; ` : ''
    throw new MeshError(
      'ERR_USAGE',
      versions.length === 0
        ? `nothing of ${name} was published yet at ${client.address}; there is nothing to restore`
        : `name what to restore with --version (mesh file history ${name} lists all): ${state}${advice()}`,
    )
  }
  const found = versions.filter(
    (each) =>
      (version === undefined || each.version === version) &&
      (id === undefined || each.id.startsWith(id)),
  )
  const [only, ...others] = found
  if (only === undefined) {
    const what = id ?? `version ${version}`
    const message = `${client.address} remembers no ${what} of ${name}`
    throw new MeshError(
      'ERR_FILE_NOT_FOUND',
      versions.length === 0 ? message : `${message}; ${advice()}`,
    )
  }
  if (others.length > 0) {
    const ids = found.map((each) => each.id.slice(0, 12)).join(', ')
    throw new MeshError('ERR_USAGE', `several statements are meant: name one with --id (${ids})`)
  }
  if (only.content === null) {
    throw new MeshError(
      'ERR_USAGE',
      `version ${only.version} of ${name} is a deletion and has no content; ${advice()}`,
    )
  }
  if (!only.contentHere) {
    throw new MeshError(
      'ERR_FILE_CONTENT_MISSING',
      `the content of version ${only.version} is not at ${client.address} any more; ${advice()}`,
    )
  }
  return only
}

const run = async (given: string, options: Options, context: Context): Promise<void> => {
  const name = parseFileName(given)
  if (isTrustFile(name) && options.force !== true) {
    throw new MeshError(
      'ERR_USAGE',
      `${name} decides who belongs to the network: an old version gives back what was revoked or renewed ` +
        'since, on every node; see "mesh certificate revoke" and "mesh certificate renew", or say --force',
    )
  }
  const keys = await readSigningKeys(options, context)
  const client = connect(options, context)
  const { signal } = context
  const old = await choose(client, name, options, context)
  const digest = parseDigest(old.content?.sha256 ?? '')
  if (digest === undefined || old.content === null) {
    throw new MeshError('ERR_RESPONSE_MALFORMED', `${client.address} names a malformed digest`)
  }
  const { sizeBytes } = old.content
  const blocks: Digest | 'none' | undefined =
    old.content.blocks === null ? 'none' : parseDigest(old.content.blocks)
  if (blocks === undefined) {
    throw new MeshError('ERR_RESPONSE_MALFORMED', `${client.address} names a malformed block list`)
  }
  const standing = await withRetries(context, () => lookUp(client, name, context))
  const { version: _, ...signing } = options
  const content = { digest, sizeBytes, blocks }
  const signed = await makeStatement({ name, content, options: signing, standing }, keys, context)
  if (options.statementOut !== undefined) {
    await writeStatementFile(options.statementOut, signed, options.force ?? false, context)
  }
  // What comes back is hashed by the daemon that takes it, so nothing else can get in this way.
  const { outcome } = await withRetries(context, async () => {
    const { chunks } = await client.download(name, { statement: old.id, signal })
    return client.upload(name, { ...toHeaders(signed), sizeBytes, chunks }, { signal })
  })
  const { version } = signed.statement
  if (options.json === true) {
    const body = { name, version, id: signed.id, restored: old.version, outcome }
    return printJson(context, 'mesh-file-restore/1', body)
  }
  await context.out.line(
    `${name} version ${version} has the content of version ${old.version} again, ${outcome} at ${client.address}`,
  )
}

export const fileRestoreCommand = (context: Context): Command =>
  withDaemonOptions(withKeyOptions(new Command()))
    .description(
      'Publishes a new version with the content of an old one, which a daemon still remembers; "mesh file history" lists them.',
    )
    .argument('<name>', 'name of the signed file')
    .option('--version <n>', 'version whose content comes back', parseVersion)
    .option('--id <id>', 'the same by (the beginning of) a statement id, where versions conflict')
    .option('--expires <when>', 'when every node stops showing it: 30d, 2027-01-31, never')
    .option('--network <id>', 'network id [$MESH_NETWORK; else asked of the daemon]')
    .option('--certificate <file>', 'node certificate, for a file of a namespace')
    .option('-o, --statement-out <file>', 'keep the signed statement here as well')
    .option(
      '-f, --force',
      'replace what -o names; bring back an old version of a _mesh/… file, which undoes what was revoked or renewed since',
    )
    .option(...JSON_OPTION)
    .action((name: string, options: Options) => run(name, options, context))
