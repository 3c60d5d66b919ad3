import { systemClock, systemRandom } from '../util/index.ts'
import { describeCommand } from './described.ts'
import { buildProgram } from './program.ts'
import type { Context } from './context.ts'
import type { Described } from './described.ts'
import type { Terminal } from './terminal.ts'

const nowhere: Terminal = {
  interactive: false,
  columns: 80,
  write: async () => {},
  line: async () => {},
  style: (_, text) => text,
}

/** A context in which nothing happens: what is told of commands must not depend on who asks. */
export const emptyContext: Context = {
  env: {},
  clock: systemClock,
  random: systemRandom,
  out: nowhere,
  err: nowhere,
  signal: new AbortController().signal,
  sleep: async () => {},
}

/** The program with every command loaded, as data. */
export const describeProgram = async (): Promise<Described> =>
  describeCommand(await buildProgram(emptyContext, 'all'))
