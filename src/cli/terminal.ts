import { once } from 'node:events'
import { styleText } from 'node:util'
import type { Writable } from 'node:stream'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

/** A stream that people may be looking at. */
export interface Terminal {
  /** Whether somebody is looking, as opposed to a file or a program reading. */
  readonly interactive: boolean
  /** Columns that a table may take. */
  readonly columns: number
  /** Writes as it is, waiting until there is room. */
  write(text: string | Uint8Array): Promise<void>
  /** Writes a line. */
  line(text?: string): Promise<void>
  /** `text` in a style, where that is wanted. */
  style(style: Style, text: string): string
}

type Environment = Readonly<Record<string, string | undefined>>

const columnsOf = (
  stream: Writable & { columns?: number },
  interactive: boolean,
  env: Environment,
): number => {
  const asked = Number(env.COLUMNS)
  if (Number.isInteger(asked) && asked >= 40) return asked
  // Nothing is cut for a program or a file.
  return interactive ? (stream.columns ?? 80) : Number.POSITIVE_INFINITY
}

export const createTerminal = (
  stream: Writable & { isTTY?: boolean; columns?: number },
  env: Environment,
): Terminal => {
  const interactive = stream.isTTY === true
  const colours = interactive && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  const write = async (text: string | Uint8Array): Promise<void> => {
    if (!stream.write(text) && !stream.destroyed) await once(stream, 'drain')
  }
  return {
    interactive,
    columns: columnsOf(stream, interactive, env),
    write,
    line: (text = '') => write(`${text}\n`),
    style: (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text),
  }
}

/**
 * `text` without anything a terminal would obey. Names, messages and addresses come from other
 * machines.
 */
export const clean = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' ? character : '\uFFFD',
  )
