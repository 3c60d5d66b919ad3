import * as v from 'valibot'
import type { Setting } from './values.ts'

/** Any schema, for walks over the whole. */
export type Schema = v.GenericSchema

/** What is in an optional schema, or the schema itself. */
export const unwrap = (schema: Schema): Schema =>
  'wrapped' in schema && isSchema(schema.wrapped) ? schema.wrapped : schema

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'schema'

const entriesIn = (value: unknown): Readonly<Record<string, Schema>> | undefined => {
  if (!isSchema(value) || !('entries' in value)) return undefined
  const { entries } = value
  if (typeof entries !== 'object' || entries === null) return undefined
  return Object.fromEntries(
    Object.entries(entries).filter((entry): entry is [string, Schema] => isSchema(entry[1])),
  )
}

/** The known keys of a table's schema; `undefined` for anything that is no table. */
export const entriesOf = (schema: Schema): Readonly<Record<string, Schema>> | undefined => {
  const inner = unwrap(schema)
  const steps: readonly unknown[] =
    'pipe' in inner && Array.isArray(inner.pipe) ? inner.pipe : [inner]
  for (const step of steps) {
    const entries = step === inner ? undefined : entriesIn(step)
    if (entries !== undefined) return entries
    // `v.pipe(v.optional(table), …)`: the table is inside the first step.
    if (isSchema(step) && step !== inner && unwrap(step) !== step) return entriesOf(unwrap(step))
  }
  return undefined
}

const isSetting = (value: unknown): value is Setting =>
  typeof value === 'object' && value !== null && 'about' in value && 'type' in value

/** What the reference says about a key; every key of the schema has it. */
export const settingOf = (schema: Schema): Setting => {
  const { setting }: { readonly setting?: unknown } = v.getMetadata(schema)
  if (!isSetting(setting)) throw new TypeError('a key of the schema lacks its setting')
  return setting
}

/** The fixed default of a key, as written in TOML; `undefined` if it has none. */
export const defaultOf = (schema: Schema): unknown =>
  'default' in schema ? schema.default : undefined
