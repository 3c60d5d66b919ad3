import { nearest } from '../util/index.ts'
import { entriesOf } from './entries.ts'
import { MAX_PROBLEMS_OF_TABLE } from './limits.ts'
import { formatPath } from './problems.ts'
import { isTable } from './toml.ts'
import type { Schema } from './entries.ts'
import type { Finding } from './problems.ts'
import type { Table } from './toml.ts'
import type { ConfigPath } from './types.ts'

/** Every key of the schema, as a path from its top. */
const allPaths = (schema: Schema, path: readonly string[] = []): (readonly string[])[] =>
  Object.entries(entriesOf(schema) ?? {}).flatMap(([name, child]) => {
    const at = [...path, name]
    return [at, ...allPaths(child, at)]
  })

const hint = (root: Schema, known: readonly string[], key: string): string => {
  const near = nearest(key, known)
  if (near !== undefined) return `; did you mean ${JSON.stringify(near)}?`
  const paths = allPaths(root)
  const name = nearest(
    key,
    paths.map((path) => path.at(-1) ?? ''),
  )
  const elsewhere = paths.find((path) => path.at(-1) === name)
  if (name === undefined || elsewhere === undefined) return `; known here: ${known.join(', ')}`
  const home = elsewhere.slice(0, -1)
  const where = home.length === 0 ? 'at the top of the file' : `in [${formatPath(home)}]`
  return `; did you mean ${JSON.stringify(name)} ${where}?`
}

/** Every key of `table` that the schema does not know, with the one that was probably meant. */
export const findUnknownKeys = (
  root: Schema,
  table: Table,
  schema: Schema = root,
  path: ConfigPath = [],
): Finding[] => {
  const entries = entriesOf(schema)
  if (entries === undefined) return []
  let count = 0
  return Object.keys(table).flatMap((key): Finding[] => {
    const known = Object.hasOwn(entries, key) ? entries[key] : undefined
    const at = [...path, key]
    if (known === undefined) {
      if (++count > MAX_PROBLEMS_OF_TABLE) return []
      const message = `is not a known key${hint(root, Object.keys(entries), key)}`
      return [{ path: at, message, quote: 'key' }]
    }
    const value = table[key]
    return isTable(value) ? findUnknownKeys(root, value, known, at) : []
  })
}
