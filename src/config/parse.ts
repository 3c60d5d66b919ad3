import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import * as v from 'valibot'
import { describeSystemError, MeshError, systemErrorCode } from '../errors/index.ts'
import { concatBytes, fromUtf8 } from '../util/index.ts'
import { readFiles, resolveFiles } from './files.ts'
import { issuesToFindings } from './issues.ts'
import { MAX_CONFIG_BYTES } from './limits.ts'
import { configError, toProblems } from './problems.ts'
import { findContradictions, findDoubts, resolveDocument } from './resolve.ts'
import { documentSchema } from './schema/index.ts'
import { createSource } from './source.ts'
import { isTable, parseToml } from './toml.ts'
import { findUnknownKeys } from './unknown-keys.ts'
import type { FileTable } from './files.ts'
import type { Finding } from './problems.ts'
import type { Table } from './toml.ts'
import type { Config, ConfigEnvironment, ConfigProblem } from './types.ts'

/** Where the configuration of a machine is that runs a daemon as a service. */
export const DEFAULT_CONFIG_PATH = '/etc/mesh/dm.toml'

export interface ParseConfigOptions {
  /** Where the text comes from: for messages, and where relative paths start. */
  readonly path: string
  /** @default the machine's */
  readonly environment?: ConfigEnvironment
}

/** Everything that could be said about one configuration file. */
export interface ConfigCheck {
  /** Top to bottom; empty if the configuration can be used. */
  readonly problems: readonly ConfigProblem[]
  /** What is allowed but probably not meant. */
  readonly doubts: readonly string[]
  /** Present if there are no problems. */
  readonly config?: Config
}

/** The machine that this process runs on. */
const systemEnvironment = (): ConfigEnvironment => {
  const credentialsDirectory = process.env.CREDENTIALS_DIRECTORY
  return {
    ...(credentialsDirectory === undefined ? {} : { credentialsDirectory }),
    exists: existsSync,
  }
}

const fileTables = (table: Table): FileTable[] => {
  const { files, network } = table
  const nested = isTable(network) ? network.files : undefined
  return [
    ...(isTable(files) ? [{ path: ['files'], table: files }] : []),
    ...(isTable(nested) ? [{ path: ['network', 'files'], table: nested }] : []),
  ]
}

const checkTable = (
  table: Table,
  path: string,
  environment: ConfigEnvironment,
): { readonly config?: Config; readonly findings: readonly Finding[] } => {
  const unknown = findUnknownKeys(documentSchema, table)
  const { entries, findings: fileFindings } = readFiles(fileTables(table))
  const result = v.safeParse(documentSchema, table)
  const findings = [...unknown, ...fileFindings]
  if (!result.success) {
    return { findings: [...findings, ...issuesToFindings(documentSchema, result.issues)] }
  }
  const resolved = resolveDocument(result.output, path, environment)
  const { files, findings: late } = resolveFiles(entries, resolved)
  findings.push(...findContradictions(result.output, resolved), ...late)
  return findings.length > 0 ? { findings } : { config: { ...resolved, files }, findings }
}

/** What was found in the files that a configuration names, where the configuration names them. */
export const problemsAt = (text: string, findings: readonly Finding[]): ConfigProblem[] =>
  toProblems(
    createSource(text),
    // What stands there instead of a path may be the secret itself.
    findings.map((finding) => ({ ...finding, quote: 'key' })),
  )

/** Reads a configuration and reports everything that is wrong with it, not only the first thing. */
export const checkConfig = (text: string, options: ParseConfigOptions): ConfigCheck => {
  const path = resolve(options.path)
  const source = createSource(text)
  const parsed = parseToml(text, source)
  if ('problem' in parsed) return { problems: [parsed.problem], doubts: [] }
  const environment = options.environment ?? systemEnvironment()
  const { config, findings } = checkTable(parsed.table, path, environment)
  const problems = toProblems(source, findings)
  return config === undefined
    ? { problems, doubts: [] }
    : { problems, doubts: findDoubts(config), config }
}

/**
 * The configuration that `text` describes.
 *
 * @throws MeshError `ERR_CONFIG_SYNTAX`, `ERR_CONFIG_INVALID`; the message lists every problem with
 * `file:line:column`.
 */
export const parseConfig = (text: string, options: ParseConfigOptions): Config => {
  const { problems, config } = checkConfig(text, options)
  if (config === undefined) throw configError(options.path, problems)
  return config
}

const decode = (bytes: Uint8Array, path: string): string => {
  const text = fromUtf8(bytes)
  if (text !== undefined) return text
  throw new MeshError('ERR_CONFIG_SYNTAX', `${path} is not UTF-8 text`, { data: { path } })
}

/**
 * Text of a configuration file.
 *
 * @throws MeshError `ERR_CONFIG_NOT_FOUND`, `ERR_CONFIG_SYNTAX`, `ERR_LIMIT_EXCEEDED`
 */
export const readConfigFile = async (path: string): Promise<string> => {
  const data = { path }
  const file = await open(path).catch((cause: unknown) => {
    const next =
      systemErrorCode(cause) === 'ENOENT' ? '; name another, or begin with dm.toml.example' : ''
    const message = `the configuration ${path} cannot be read: ${describeSystemError(cause)}${next}`
    throw new MeshError('ERR_CONFIG_NOT_FOUND', message, { data, cause })
  })
  try {
    if ((await file.stat()).isDirectory()) {
      throw new MeshError('ERR_CONFIG_NOT_FOUND', `${path} is a directory, not a file`, { data })
    }
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of file.createReadStream({ autoClose: false })) {
      chunks.push(chunk)
      length += chunk.length
      if (length > MAX_CONFIG_BYTES) break
    }
    if (length <= MAX_CONFIG_BYTES) return decode(concatBytes(...chunks), path)
    const message = `${path} is larger than the ${MAX_CONFIG_BYTES} bytes a configuration may have`
    throw new MeshError('ERR_LIMIT_EXCEEDED', message, { data })
  } finally {
    await file.close()
  }
}

/**
 * Reads and checks a configuration file.
 *
 * @throws MeshError as {@link readConfigFile} and {@link parseConfig}
 */
export const loadConfig = async (
  path: string,
  options: { readonly environment?: ConfigEnvironment } = {},
): Promise<Config> => parseConfig(await readConfigFile(path), { path, ...options })
