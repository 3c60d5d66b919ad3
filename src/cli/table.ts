import { clean } from './terminal.ts'
import type { Terminal } from './terminal.ts'

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Whether this column gives way when the table is too wide; one of them. */
  readonly flexible?: boolean
}

const GAP = '  '
const LEAST_FLEXIBLE_COLUMNS = 8

const cut = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`

const widthsOf = (
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  most: number,
): number[] => {
  const widths = columns.map(({ title }, index) =>
    rows.reduce((widest, row) => Math.max(widest, row[index]?.length ?? 0), title.length),
  )
  const total = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length)
  const flexible = columns.findIndex((column) => column.flexible === true)
  const width = widths[flexible]
  if (total > most && width !== undefined) {
    widths[flexible] = Math.max(LEAST_FLEXIBLE_COLUMNS, width - (total - most))
  }
  return widths
}

/** Lines of a table that fits the terminal; cut for people only, never for programs. */
export const formatTable = (
  { columns: most, style }: Pick<Terminal, 'columns' | 'style'>,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] => {
  const cleaned = rows.map((row) => row.map((cell) => clean(cell).replaceAll('\n', ' ')))
  const widths = widthsOf(columns, cleaned, most)
  const format = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => {
        const width = widths[index] ?? 0
        const cell = cut(cells[index] ?? '', width)
        return align === 'right' ? cell.padStart(width) : cell.padEnd(width)
      })
      .join(GAP)
      .trimEnd()
  return [style('bold', format(columns.map(({ title }) => title))), ...cleaned.map(format)]
}

/** Lines of `label  value`, the values below each other. */
export const formatFields = (
  { style }: Pick<Terminal, 'style'>,
  fields: readonly (readonly [label: string, value: string])[],
): string[] => {
  const width = Math.max(...fields.map(([label]) => label.length))
  return fields.map(([label, value]) =>
    `${style('bold', label.padEnd(width))}${GAP}${clean(value)}`.trimEnd(),
  )
}
