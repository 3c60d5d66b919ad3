import * as v from 'valibot'
import { isMeshError } from '../errors/index.ts'
import { findNameClashes, isReservedName, parseFileName } from '../statement/index.ts'
import { nearest } from '../util/index.ts'
import { MAX_FILES } from './limits.ts'
import { formatPath } from './problems.ts'
import { fileSchema } from './schema.ts'
import { describeValue, isTable } from './toml.ts'
import { findUnknownKeys } from './unknown-keys.ts'
import { issuesToFindings } from './issues.ts'
import type { FileName } from '../statement/index.ts'
import type { Finding } from './problems.ts'
import type { FileDocument } from './schema.ts'
import type { Table } from './toml.ts'
import type { ConfigPath, ConfiguredFile } from './types.ts'

/** A table of files, and where it stands. */
export interface FileTable {
  readonly path: ConfigPath
  readonly table: Table
}

/**
 * `app.conf = […]` is a table `app` with a key `conf` in TOML. Says so when an entry looks like it.
 */
const unquotedName = (name: string, value: Table): string | undefined => {
  const known = ['signers', 'max_size', 'mode']
  const keys = Object.keys(value)
  const [key] = keys
  // A list below "signer" is meant for `signers`, not for a file "NAME.signer".
  const isMeant = (each: string) => known.includes(each) || nearest(each, ['signers']) !== undefined
  if (key === undefined || keys.some(isMeant)) return undefined
  const inner = value[key]
  if (!Array.isArray(inner) && !isTable(inner)) return undefined
  return `a name with a dot must be in quotes: "${name}.${key}"`
}

const parseName = (text: string): FileName | string => {
  try {
    const name = parseFileName(text)
    return isReservedName(name)
      ? 'names that begin with "_mesh" are reserved for mesh itself'
      : name
  } catch (error) {
    if (!isMeshError(error)) throw error
    return error.message
  }
}

const isName = (parsed: string, text: string): parsed is FileName => parsed === text

/** Reads one entry: `["<key>", …]` or a table. */
const readEntry = (
  value: unknown,
  name: string,
  path: ConfigPath,
): { readonly file?: FileDocument; readonly findings: readonly Finding[] } => {
  if (!Array.isArray(value) && !isTable(value)) {
    const wanted = 'a list of public keys, or a table with `signers`'
    const message = `must be ${wanted}, not ${describeValue(value)}`
    return { findings: [{ path, message }] }
  }
  const unquoted = isTable(value) ? unquotedName(name, value) : undefined
  if (unquoted !== undefined) return { findings: [{ path, message: unquoted }] }
  const short = Array.isArray(value)
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

const clashFindings = (places: ReadonlyMap<FileName, ConfigPath>): Finding[] =>
  findNameClashes(places.keys()).map(({ a, b, kind }) => ({
    path: places.get(b) ?? [],
    message:
      kind === 'case'
        ? `differs only in case from ${JSON.stringify(a)}`
        : `cannot be a file while ${JSON.stringify(a)}, which would be its directory, is one`,
  }))

/** Reads all tables of files, and checks that their names can live together. */
export const readFiles = (
  tables: readonly FileTable[],
): { readonly files: readonly ConfiguredFile[]; readonly findings: readonly Finding[] } => {
  const findings: Finding[] = []
  const files: ConfiguredFile[] = []
  const places = new Map<FileName, ConfigPath>()
  for (const { path, table } of tables) {
    for (const [text, value] of Object.entries(table)) {
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
      const { signers, max_size: maxSizeBytes, mode } = entry.file
      files.push({ name, signers: [...new Set(signers)].sort(), maxSizeBytes, mode })
    }
  }
  if (places.size > MAX_FILES) {
    const message = `${places.size} names, and at most ${MAX_FILES} may be configured`
    findings.push({ path: tables[0]?.path ?? [], message })
  }
  findings.push(...clashFindings(places))
  return { files: files.sort((a, b) => (a.name < b.name ? -1 : 1)), findings }
}
