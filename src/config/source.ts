import { scanToml } from './scan.ts'
import type { Node } from './scan.ts'
import type { ConfigPath } from './types.ts'

/** Where something stands in a text, both from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** A text that problems are shown in. Does no work before the first problem. */
export interface Source {
  /** The key or item that `path` names, or else the nearest thing around it. Valid TOML only. */
  locate(path: ConfigPath): Position
  /** The line, and a mark below the column. Long lines are cut around it. */
  excerpt(position: Position, quote?: Quote): string
}

/** How much of a line may be shown: all, up to the value, or nothing. */
export type Quote = 'line' | 'key' | 'nothing'

/** Of a faulty line, in a message. */
export const MAX_EXCERPT_COLUMNS = 72

/** A secret where none belongs. */
const SECRET = /PRIVATE KEY|\/key\/swarm/

const withoutValue = (line: string, { column }: Position): string => {
  const equals = line.indexOf('=', column)
  return equals < 0 ? line : `${line.slice(0, equals + 1)} …`
}

const findLineStarts = (text: string): number[] => {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** Index of the last line that starts at or before `offset`. */
const lineOf = (starts: readonly number[], offset: number): number => {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return low
}

const walk = (root: Node, path: ConfigPath): Node => {
  let node = root
  for (const part of path) {
    const next: Node | undefined = typeof part === 'number' ? node.items[part] : node.keys.get(part)
    if (next === undefined) break
    node = next
  }
  return node
}

const formatExcerpt = (whole: string, { line, column }: Position): string => {
  const from = Math.max(0, Math.min(column - 21, whole.length - MAX_EXCERPT_COLUMNS))
  const shown = whole.slice(from, from + MAX_EXCERPT_COLUMNS).replace(/\p{Cc}/gu, ' ')
  const before = from > 0 ? '…' : ''
  const after = from + MAX_EXCERPT_COLUMNS < whole.length ? '…' : ''
  const mark = `${' '.repeat(before.length + column - 1 - from)}^`
  return `${String(line).padStart(5)} | ${before}${shown}${after}\n${' '.repeat(5)} | ${mark}`
}

export const createSource = (text: string): Source => {
  let lineStarts: number[] | undefined
  let root: Node | undefined
  const starts = (): number[] => {
    lineStarts ??= findLineStarts(text)
    return lineStarts
  }
  return {
    locate(path) {
      root ??= scanToml(text)
      const { at } = walk(root, path)
      const line = lineOf(starts(), at)
      return { line: line + 1, column: at - (starts()[line] ?? 0) + 1 }
    },
    excerpt(position, quote = 'line') {
      const start = starts()[position.line - 1] ?? 0
      const end = starts()[position.line] ?? text.length + 1
      const whole = text.slice(start, end - 1).replace(/\r$/, '')
      if (quote === 'nothing' || SECRET.test(whole)) return ''
      return formatExcerpt(quote === 'key' ? withoutValue(whole, position) : whole, position)
    },
  }
}
