import { MeshError } from '../errors/index.ts'
import type { Clock } from '../util/index.ts'

export const aborted = (what: string): MeshError =>
  new MeshError('ERR_ABORTED', `${what} was cancelled`)

/** Waits; rejects with `ERR_ABORTED` as soon as `signal` aborts. */
export const sleep = (clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(aborted('a wait'))
    const onAbort = (): void => {
      cancel()
      reject(aborted('a wait'))
    }
    const cancel = clock.schedule(delayMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })

/** Runs `work`; when that takes longer than `limitMs`, or `signal` aborts, calls `give up`. */
export const watch = async <T>(
  { clock, limitMs, giveUp }: { clock: Clock; limitMs: number; giveUp: (why: MeshError) => void },
  what: string,
  work: () => Promise<T>,
): Promise<T> => {
  const cancel = clock.schedule(limitMs, () => {
    giveUp(new MeshError('ERR_TIMEOUT', `${what} took more than ${limitMs} ms`))
  })
  try {
    return await work()
  } finally {
    cancel()
  }
}

/** `signal`s as one; `end` detaches it from them, so that long-lived ones do not collect listeners. */
export const linkSignals = (
  ...signals: readonly AbortSignal[]
): { readonly signal: AbortSignal; abort(reason?: unknown): void; end(): void } => {
  const controller = new AbortController()
  const onAbort = (event: Event): void => {
    const from = event.target
    controller.abort(from instanceof AbortSignal ? from.reason : undefined)
  }
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason)
    else signal.addEventListener('abort', onAbort, { once: true })
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    end() {
      for (const signal of signals) signal.removeEventListener('abort', onAbort)
    },
  }
}
