import { fstatSync } from 'node:fs'
import { createLogOutput } from '../observe/index.ts'

const STDOUT = 1
const STDERR = 2

/** pino's levels as those of syslog(3), by which `journalctl -p warning` chooses. */
const PRIORITIES: readonly (readonly [leastLevel: number, priority: number])[] = [
  [60, 2],
  [50, 3],
  [40, 4],
  [30, 6],
  [0, 7],
]
const INFO = 6
const ERROR = 3

/** `<4>` before a line of level warn; the journal takes it off again. */
export const withPriority = (line: string): string => {
  const level = Number(/^\{"level":(\d+)/.exec(line)?.[1])
  const priority = PRIORITIES.find(([least]) => level >= least)?.[1] ?? INFO
  return `<${priority}>${line}`
}

/** Whether a file descriptor is the journal and not, say, a pipe of somebody who was started by it. */
export const isJournal = ({ JOURNAL_STREAM }: NodeJS.ProcessEnv, fd: number): boolean => {
  if (JOURNAL_STREAM === undefined) return false
  const { dev, ino } = fstatSync(fd)
  return JOURNAL_STREAM === `${dev}:${ino}`
}

/** What goes to standard error, each line as an error if that is the journal. */
export const asErrors = (text: string, environment: NodeJS.ProcessEnv): string =>
  isJournal(environment, STDERR) ? text.replaceAll(/^(?=.)/gm, `<${ERROR}>`) : text

/** Where the log of a daemon goes: standard output, in the manner of the journal if it is there. */
export const createDaemonOutput = (environment: NodeJS.ProcessEnv) => {
  const output = createLogOutput(STDOUT)
  if (!isJournal(environment, STDOUT)) return output
  return { write: (line: string): void => output.write(withPriority(line)) }
}
