import { parse, TomlError } from 'smol-toml'
import { MAX_TOML_DEPTH } from './limits.ts'
import type { Source } from './source.ts'
import type { ConfigProblem } from './types.ts'

/** A table of TOML. The parser makes it without a prototype, so that no name is special. */
export type Table = Readonly<Record<string, unknown>>

/** Whether `value` is a table, and not a list or a date. */
export const isTable = (value: unknown): value is Table => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** What `value` is, in words for a message. */
export const describeValue = (value: unknown): string => {
  if (typeof value === 'string') return 'a string'
  if (typeof value === 'number' || typeof value === 'bigint') return 'a number'
  if (typeof value === 'boolean') return `${value}`
  if (Array.isArray(value)) return 'a list'
  return isTable(value) ? 'a table' : 'a date or time'
}

/** Reads TOML; a syntax error is a problem with the place it was noticed at. */
export const parseToml = (
  text: string,
  source: Source,
): { readonly table: Table } | { readonly problem: ConfigProblem } => {
  try {
    return { table: parse(text, { maxDepth: MAX_TOML_DEPTH }) }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const { line, column } = error
    const [first = ''] = error.message.split('\n')
    const message = `this is not valid TOML: ${first.replace('Invalid TOML document: ', '')}`
    const excerpt = source.excerpt({ line, column })
    return { problem: { code: 'ERR_CONFIG_SYNTAX', key: '', line, column, message, excerpt } }
  }
}
