import * as v from 'valibot'
import { isMeshError } from '../errors/index.ts'
import { findNameClashes, isPattern, isReservedName, parseSelector } from '../statement/index.ts'
import { nearest } from '../util/index.ts'
import { DEFAULT_FILES_PER_PATTERN, MAX_FILES, MAX_SIGNER_SETS } from './limits.ts'
import { MAX_PROBLEMS_OF_TABLE, MAX_THRESHOLD_SIGNERS } from './limits.ts'
import { formatPath } from './problems.ts'
import { fileSchema, SELF } from './schema/index.ts'
import { describeValue, isTable } from './toml.ts'
import { findUnknownKeys } from './unknown-keys.ts'
import { entriesOf } from './entries.ts'
import { issuesToFindings } from './issues.ts'
import { resolvePath } from './secret.ts'
import type { PublicKey } from '../keys/index.ts'
import type { Selector } from '../statement/index.ts'
import type { Finding } from './problems.ts'
import type { FileDocument } from './schema/index.ts'
import type { Table } from './toml.ts'
import type { Config, ConfigPath, ConfiguredFile } from './types.ts'

/** A table of files, and where it stands. */
export interface FileTable {
  readonly path: ConfigPath
  readonly table: Table
}

/**
 * `app.conf = […]` is a table `app` with a key `conf` in TOML. Says so when an entry looks like it.
 */
const unquotedName = (name: string, value: Table): string | undefined => {
  const known = Object.keys(entriesOf(fileSchema) ?? {})
  const keys = Object.keys(value)
  const [key] = keys
  // A list below "signer" is meant for `signers`, not for a file "NAME.signer".
  const isMeant = (each: string) => known.includes(each) || nearest(each, ['signers']) !== undefined
  if (key === undefined || keys.some(isMeant)) return undefined
  const inner = value[key]
  if (!Array.isArray(inner) && !isTable(inner)) return undefined
  return `a name with a dot must be in quotes: "${name}.${key}"`
}

const parseName = (text: string): Selector | string => {
  try {
    const name = parseSelector(text)
    return isReservedName(name)
      ? 'names that begin with "_mesh" are reserved for mesh itself'
      : name
  } catch (error) {
    if (!isMeshError(error)) throw error
    return error.message
  }
}

const isName = (parsed: string, text: string): parsed is Selector => parsed === text

/** Reads one entry: `["<key>", …]` or a table. */
const readEntry = (
  value: unknown,
  name: string,
  path: ConfigPath,
): { readonly file?: FileDocument; readonly findings: readonly Finding[] } => {
  if (!Array.isArray(value) && !isTable(value) && value !== SELF) {
    const wanted = 'a list of public keys, "self", or a table with `signers`'
    const message = `must be ${wanted}, not ${describeValue(value)}`
    return { findings: [{ path, message }] }
  }
  const unquoted = isTable(value) ? unquotedName(name, value) : undefined
  if (unquoted !== undefined) return { findings: [{ path, message: unquoted }] }
  const short = !isTable(value)
  const input = short ? Object.assign(Object.create(null), { signers: value }) : value
  const unknown = isTable(value) ? findUnknownKeys(fileSchema, value) : []
  const result = v.safeParse(fileSchema, input)
  const findings = [...unknown, ...issuesToFindings(fileSchema, result.issues ?? [])].map(
    (finding): Finding => {
      // The short form has no key `signers` to point at.
      const inner = short ? finding.path.slice(1) : finding.path
      return { ...finding, path: [...path, ...inner] }
    },
  )
  return result.success ? { file: result.output, findings } : { findings }
}

const clashFindings = (places: ReadonlyMap<Selector, ConfigPath>): Finding[] =>
  findNameClashes(places.keys()).map(({ a, b, kind }) => ({
    path: places.get(b) ?? [],
    message:
      kind === 'case'
        ? `differs only in case from ${JSON.stringify(a)}`
        : `cannot be a file while ${JSON.stringify(a)}, which would be its directory, is one`,
  }))

const unique = (keys: readonly PublicKey[] = []): PublicKey[] => [...new Set(keys)].sort()

/** How many sets of `count` out of `all` there are. */
const combinations = (all: number, count: number): number => {
  let result = 1
  for (let step = 1; step <= count; step++) result = (result * (all - count + step)) / step
  return Math.round(result)
}

/** What is wrong between the keys of one entry that are each right by themselves. */
const contradictionsOf = (name: Selector, file: FileDocument): Finding[] => {
  const findings: Finding[] = []
  const wrong = (key: keyof FileDocument, message: string): void => {
    findings.push({ path: [key], message })
  }
  const { threshold } = file
  if (file.unpack !== undefined && file.fallback !== undefined) {
    wrong('fallback', 'cannot be with unpack: it is shown as a file, and never as a tree')
  }
  if (isPattern(name)) {
    if (file.fallback !== undefined) wrong('fallback', 'is for one name, not for a pattern')
  } else if (file.max_files !== undefined) wrong('max_files', 'is for patterns, as "certs/*"')
  if (file.signers === SELF) {
    if (!NAMESPACE_PATTERN.test(name)) {
      wrong('signers', '"self" is for a pattern "<namespace>/*", the namespace being one part')
    }
    if (threshold > 1) wrong('threshold', 'cannot be with "self": each node signs alone')
    if (file.delete_signers !== undefined) wrong('delete_signers', 'cannot be with "self"')
    return findings
  }
  const signers = unique(file.signers)
  const all = unique([...signers, ...(file.delete_signers ?? [])])
  if (threshold > signers.length) {
    const what = `${threshold} signatures can never come together from ${signers.length} signers`
    wrong('threshold', what)
    return findings
  }
  if (threshold === 1 && file.delete_signers === undefined) return findings
  const key = threshold > 1 ? 'threshold' : 'delete_signers'
  if (all.length > MAX_THRESHOLD_SIGNERS) {
    const most = `at most ${MAX_THRESHOLD_SIGNERS} keys may be with a threshold or delete_signers`
    wrong(key, `${all.length} different keys, and ${most}`)
  } else if (combinations(all.length, threshold) > MAX_SIGNER_SETS) {
    const count = combinations(all.length, threshold)
    const what = `${threshold} of ${all.length} keys makes ${count} sets of signers`
    wrong(key, `${what}, and at most ${MAX_SIGNER_SETS} may be; take fewer keys`)
  }
  return findings
}

/** As in certificates. */
const NAMESPACE_PATTERN = /^(?!_mesh\/)[A-Za-z0-9_][A-Za-z0-9_.:-]{0,31}\/\*$/

/** An entry that still lacks what other parts of the file say. */
export interface FileEntry {
  readonly at: ConfigPath
  readonly file: Omit<ConfiguredFile, 'self' | 'fallbackPath'>
  readonly self: boolean
  readonly fallback: string | undefined
}

const toEntry = (name: Selector, at: ConfigPath, file: FileDocument): FileEntry => {
  const { threshold, delete_signers: deleteSigners, history } = file
  const { min_version: minVersion, purge_after: purgeAfterMs } = file
  const maxFiles = file.max_files ?? DEFAULT_FILES_PER_PATTERN
  return {
    at,
    self: file.signers === SELF,
    fallback: file.fallback,
    file: {
      name,
      ...(file.content_type === undefined ? {} : { contentType: file.content_type }),
      ...(file.on_change === undefined ? {} : { onChange: file.on_change }),
      signers: file.signers === SELF ? [] : unique(file.signers),
      threshold,
      ...(deleteSigners === undefined ? {} : { deleteSigners: unique(deleteSigners) }),
      maxSizeBytes: file.max_size,
      mode: file.mode,
      history,
      minVersion,
      purgeAfterMs,
      ...(file.unpack === undefined ? {} : { unpack: file.unpack }),
      ...(isPattern(name) ? { maxFiles } : {}),
    },
  }
}

/** Fills in what depends on the rest of the configuration. */
export const resolveFiles = (
  entries: readonly FileEntry[],
  { path, network }: Pick<Config, 'path' | 'network'>,
): { readonly files: readonly ConfiguredFile[]; readonly findings: readonly Finding[] } => ({
  findings: entries.flatMap(({ at, file, self }) =>
    self && network.keys.length === 0 && NAMESPACE_PATTERN.test(file.name)
      ? [{ path: at, message: '"self" needs network.keys, which sign the certificates of nodes' }]
      : [],
  ),
  files: entries.map(({ file, self, fallback }) => ({
    ...file,
    ...(self ? { self: { network: network.id, networkKeys: network.keys } } : {}),
    ...(fallback === undefined ? {} : { fallbackPath: resolvePath(fallback, path) }),
  })),
})

/** Reads all tables of files, and checks that their names can live together. */
export const readFiles = (
  tables: readonly FileTable[],
): { readonly entries: readonly FileEntry[]; readonly findings: readonly Finding[] } => {
  const findings: Finding[] = []
  const entries: FileEntry[] = []
  const places = new Map<Selector, ConfigPath>()
  const count = tables.reduce((sum, { table }) => sum + Object.keys(table).length, 0)
  if (count > MAX_FILES) {
    const message = `${count} names, and at most ${MAX_FILES} may be configured`
    return { entries, findings: [{ path: tables[0]?.path ?? [], message }] }
  }
  for (const { path, table } of tables) {
    for (const [text, value] of Object.entries(table)) {
      if (findings.length >= MAX_PROBLEMS_OF_TABLE) return { entries, findings }
      const at = [...path, text]
      const name = parseName(text)
      if (!isName(name, text)) {
        findings.push({ path: at, message: name })
        continue
      }
      const other = places.get(name)
      if (other !== undefined) {
        findings.push({
          path: at,
          message: `is there twice; the other one is ${formatPath(other)}`,
        })
      } else places.set(name, at)
      const entry = readEntry(value, text, at)
      findings.push(...entry.findings)
      if (entry.file === undefined) continue
      for (const { path: inner, message } of contradictionsOf(name, entry.file)) {
        findings.push({ path: isTable(value) ? [...at, ...inner] : at, message })
      }
      entries.push(toEntry(name, at, entry.file))
    }
  }
  findings.push(...clashFindings(places).slice(0, MAX_PROBLEMS_OF_TABLE))
  return { entries: entries.sort((a, b) => (a.file.name < b.file.name ? -1 : 1)), findings }
}
