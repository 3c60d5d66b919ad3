import { clean } from './terminal.ts'
import { formatFields, formatTable } from './table.ts'
import type { Context } from './context.ts'
import type { Column } from './table.ts'

/** Options of every command that reads. */
export interface ReadOptions {
  readonly json?: boolean
}

export const JSON_OPTION = ['--json', 'print JSON instead, in a form that stays'] as const

/** Prints an object for programs; `schema` says what it is, and in which version. */
export const printJson = ({ out }: Context, schema: string, body: object): Promise<void> =>
  out.line(JSON.stringify({ schema, ...body }, undefined, 2))

export const printTable = async (
  { out }: Context,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): Promise<void> => out.line(formatTable(out, columns, rows).join('\n'))

export const printFields = async (
  { out }: Context,
  fields: readonly (readonly [label: string, value: string])[],
): Promise<void> => out.line(formatFields(out, fields).join('\n'))

/** A remark on standard error: not a result, and no error. */
export const warn = ({ err }: Context, text: string): Promise<void> =>
  err.line(`${err.style('yellow', 'mesh: warning:')} ${clean(text)}`)
