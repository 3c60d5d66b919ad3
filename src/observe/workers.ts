import type { Cancel, Clock, Random } from '../util/index.ts'
import type { Logger } from './logger.ts'

/** A piece of background work. */
export interface WorkerInit {
  /** Lower-case with dashes. */
  readonly name: string
  /** One unit of work; must honour the signal, which aborts when the worker stops. */
  run(signal: AbortSignal): Promise<void>
  /** Wait between the end of one run and the next; `undefined`: only when woken. */
  readonly intervalMs?: number
  /** Share of the interval that is randomised in both directions. @default 0.2 */
  readonly jitter?: number
}

export interface WorkerStatus {
  readonly name: string
  readonly state: 'idle' | 'running' | 'stopped'
  readonly runs: number
  readonly failures: number
  /** Of the last run, if it failed. */
  readonly lastError?: string
  /** Until the next run by itself, in ms. */
  readonly nextRunInMs?: number
}

export interface Worker {
  /** Runs now; while running, once more right after. `delayMs` waits first (the soonest wins). */
  wake(delayMs?: number): void
  /** Aborts a run under way and waits for its end. Idempotent. */
  stop(): Promise<void>
  status(): WorkerStatus
}

/** Registry of all background work of a daemon. */
export interface Workers {
  /** Starts a worker; its first run is after one interval, or when woken. */
  add(init: WorkerInit): Worker
  list(): readonly WorkerStatus[]
  /** Stops all, the newest first. */
  stop(): Promise<void>
}

export const createWorkers = (components: {
  clock: Clock
  random: Random
  logger: Logger
}): Workers => {
  const workers: Worker[] = []
  return {
    add(init) {
      const worker = startWorker(components, init)
      workers.push(worker)
      return worker
    },
    list: () => workers.map((worker) => worker.status()),
    async stop() {
      for (const worker of workers.toReversed()) await worker.stop()
    },
  }
}

const startWorker = (
  { clock, random, logger }: { clock: Clock; random: Random; logger: Logger },
  { name, run, intervalMs, jitter = 0.2 }: WorkerInit,
): Worker => {
  const controller = new AbortController()
  let running: Promise<void> | undefined
  let again = false
  let timer: { cancel: Cancel; dueMs: number } | undefined
  let counts = { runs: 0, failures: 0 }
  let lastError: string | undefined

  const arm = (delayMs: number): void => {
    const dueMs = clock.monotonicMs() + delayMs
    if (timer !== undefined && timer.dueMs <= dueMs) return
    timer?.cancel()
    timer = { dueMs, cancel: clock.schedule(delayMs, fire) }
  }

  const attempt = async (): Promise<void> => {
    try {
      await run(controller.signal)
      lastError = undefined
      counts = { ...counts, runs: counts.runs + 1 }
    } catch (error) {
      if (controller.signal.aborted) return
      lastError = error instanceof Error ? error.message : String(error)
      counts = { runs: counts.runs + 1, failures: counts.failures + 1 }
      logger.warn({ worker: name, error }, 'background work failed; it will be tried again')
    }
  }

  function fire(): void {
    // A run that somebody woke takes the place of the one that was due: or each wake would leave a
    // timer behind that goes off, and is armed again, for ever.
    timer?.cancel()
    timer = undefined
    if (controller.signal.aborted) return
    if (running !== undefined) {
      again = true
      return
    }
    running = attempt().finally(() => {
      running = undefined
      if (controller.signal.aborted) return
      if (again) arm(0)
      else if (intervalMs !== undefined) {
        arm(intervalMs * (1 + jitter * (2 * random.fraction() - 1)))
      }
      again = false
    })
  }

  if (intervalMs !== undefined) arm(intervalMs * (1 + jitter * (2 * random.fraction() - 1)))

  return {
    wake: (delayMs = 0) => {
      if (controller.signal.aborted) return
      if (delayMs > 0) arm(delayMs)
      else fire()
    },
    async stop() {
      controller.abort()
      timer?.cancel()
      await running
    },
    status: () => ({
      name,
      state: controller.signal.aborted ? 'stopped' : running === undefined ? 'idle' : 'running',
      ...counts,
      ...(lastError === undefined ? {} : { lastError }),
      ...(timer === undefined
        ? {}
        : { nextRunInMs: Math.max(0, timer.dueMs - clock.monotonicMs()) }),
    }),
  }
}
