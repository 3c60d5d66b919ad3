import { spawn } from 'node:child_process'
import { createBlinds } from '../store/index.ts'
import { MAX_STATUS_CHARACTERS, NOTIFY_TIMEOUT_MS } from './limits.ts'
import type { Logger } from '../observe/index.ts'
import type { Blinds } from '../store/index.ts'
import type { Cancel, Clock } from '../util/index.ts'

/** Tells the service manager how the daemon is; does nothing where there is none. */
export interface Notifier {
  ready(status: string): Promise<void>
  reloading(): Promise<void>
  stopping(): Promise<void>
  /** Why there will be no daemon: `systemctl status` shows it. */
  failed(why: string): Promise<void>
  /**
   * Says every half period that the event loop runs, if the service manager asks for it, and with it
   * how the daemon is.
   */
  startWatchdog(status?: () => string | undefined): Cancel
}

/** One line: a line end would begin the next assignment. */
const statusOf = (text: string): string =>
  `STATUS=${text.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_STATUS_CHARACTERS)}`

/** CLOCK_MONOTONIC in µs: what libuv reads for hrtime, and what systemd compares with. */
const monotonicUsec = (): string => String(process.hrtime.bigint() / 1_000n)

/** Period of the watchdog in ms, if it is meant for this process. */
const watchdogPeriod = ({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined => {
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid)) return undefined
  const usec = Number(WATCHDOG_USEC)
  return Number.isSafeInteger(usec) && usec > 0 ? usec / 1_000 : undefined
}

interface RunInit {
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
}

const run = async (program: string, args: readonly string[], init: RunInit): Promise<void> => {
  const blinds = await createBlinds()
  try {
    await runWith(program, args, { ...init, blinds })
  } finally {
    await blinds.close()
  }
}

const runWith = (
  program: string,
  args: readonly string[],
  { env, clock, blinds }: RunInit & { readonly blinds: Blinds },
): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'ignore', ...blinds.stdio],
      env,
    })
    const cancel = clock.schedule(NOTIFY_TIMEOUT_MS, () => child.kill('SIGKILL'))
    child.once('error', (error) => {
      cancel()
      reject(error)
    })
    child.once('exit', (code, signal) => {
      cancel()
      if (code === 0) resolve()
      else reject(new Error(`${program} ended with ${code ?? signal}`))
    })
  })

/**
 * sd_notify(3) needs an AF_UNIX datagram, which Node does not have, so each message is one short run
 * of `systemd-notify` (a few ms). The sender is then not the main process: the unit needs
 * `NotifyAccess=all`.
 */
export const createNotifier = (
  { logger, clock }: { logger: Logger; clock: Clock },
  { environment }: { environment: NodeJS.ProcessEnv },
): Notifier => {
  const wanted = (environment.NOTIFY_SOCKET ?? '') !== ''
  let queue: Promise<void> = Promise.resolve()
  let complained = false

  /** Messages arrive in the order in which they were sent. */
  const send = (...args: readonly string[]): Promise<void> => {
    if (!wanted) return queue
    queue = queue
      .then(() => run('systemd-notify', args, { env: environment, clock }))
      .catch((error: unknown) => {
        const log = complained ? logger.debug : logger.warn
        complained = true
        log({ error }, 'the service manager could not be told; is systemd-notify in PATH?')
      })
    return queue
  }

  return {
    ready: (status) => send(`--pid=${process.pid}`, 'READY=1', statusOf(status)),
    reloading: () => send('RELOADING=1', `MONOTONIC_USEC=${monotonicUsec()}`),
    stopping: () => send('STOPPING=1', 'STATUS=stopping'),
    failed: (why) => send(statusOf(`could not start: ${why}`)),
    startWatchdog(status = () => undefined) {
      const periodMs = watchdogPeriod(environment)
      if (!wanted || periodMs === undefined) return () => {}
      let cancel: Cancel = () => {}
      const arm = (): void => {
        // The next one is armed when this one has been taken, so that they cannot pile up.
        cancel = clock.schedule(periodMs / 2, () => {
          const text = status()
          const told = text === undefined ? [] : [statusOf(text)]
          void send('WATCHDOG=1', ...told).then(rearm)
        })
      }
      let stopped = false
      const rearm = (): void => {
        if (!stopped) arm()
      }
      arm()
      return () => {
        stopped = true
        cancel()
      }
    },
  }
}
