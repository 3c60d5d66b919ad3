import { systemClock, systemRandom } from '../util/index.ts'
import { createTerminal } from './terminal.ts'
import type { Clock, Random } from '../util/index.ts'
import type { Terminal } from './terminal.ts'

/** What a command may use of the world. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly random: Random
  /** Results. */
  readonly out: Terminal
  /** Everything else: progress, warnings, errors. */
  readonly err: Terminal
  /**
   * Aborts at the first Ctrl-C or SIGTERM; the second ends the process at once. Signals are caught
   * from the first use on.
   */
  readonly signal: AbortSignal
  /** Waits, and keeps the process alive meanwhile. */
  sleep(delayMs: number): Promise<void>
}

const listenToSignals = (): AbortSignal => {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => controller.abort())
  }
  return controller.signal
}

export const createContext = (): Context => {
  const { env } = process
  let signal: AbortSignal | undefined
  const context: Context = {
    env,
    clock: systemClock,
    random: systemRandom,
    out: createTerminal(process.stdout, env),
    err: createTerminal(process.stderr, env),
    get signal() {
      signal ??= listenToSignals()
      return signal
    },
    async sleep(delayMs) {
      // The clock's timers let the process end; a command that waits must not.
      const { setTimeout: wait } = await import('node:timers/promises')
      await wait(delayMs, undefined, { signal: context.signal }).catch(() => undefined)
    },
  }
  return context
}
