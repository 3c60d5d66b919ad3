import { pino } from 'pino'
import { isMeshError } from '../errors/index.ts'
import { createLogOutput } from './log-output.ts'
import type { DestinationStream } from 'pino'

/** Least severe lines that are written. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug'

type Log = (data: Readonly<Record<string, unknown>>, message: string) => void

/** Structured log of one component. An `error` in `data` is written with its code and cause. */
export interface Logger {
  readonly fatal: Log
  readonly error: Log
  readonly warn: Log
  readonly info: Log
  readonly debug: Log
  /** A logger that adds `component: name` to each line. */
  child(name: string): Logger
  /** Changes the level of this logger and of all its children made so far or later. */
  setLevel(level: LogLevel): void
}

/**
 * Where in our code an expected error came up tells an administrator nothing, and hides what failed;
 * a defect needs it, also as the cause of something expected.
 */
const describeError = (error: unknown): unknown => {
  if (!isMeshError(error) || error.code === 'ERR_INTERNAL') {
    if (!(error instanceof Error)) return error
    // The system's own words, as in "ENOENT: no such file or directory, open …".
    return 'syscall' in error ? error.message : pino.stdSerializers.err(error)
  }
  const { code, message, data, cause } = error
  return { code, message, data, ...(cause === undefined ? {} : { cause: describeError(cause) }) }
}

/** JSON lines by pino, to standard output unless `destination` is given. */
export const createLogger = (init: {
  level: LogLevel
  destination?: DestinationStream
}): Logger => {
  const options = { level: init.level, base: null, serializers: { error: describeError } }
  const root = pino(options, init.destination ?? createLogOutput(1))
  const made = [root]
  const wrap = (log: typeof root): Logger => ({
    fatal: (data, message) => log.fatal(data, message),
    error: (data, message) => log.error(data, message),
    warn: (data, message) => log.warn(data, message),
    info: (data, message) => log.info(data, message),
    debug: (data, message) => log.debug(data, message),
    child(name) {
      const child = log.child({ component: name })
      made.push(child)
      return wrap(child)
    },
    setLevel(level) {
      for (const each of made) each.level = level
    },
  })
  return wrap(root)
}

const nothing = (): void => {}

/** Writes nothing. */
export const silentLogger: Logger = {
  fatal: nothing,
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  child: () => silentLogger,
  setLevel: nothing,
}
