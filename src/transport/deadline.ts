import { MeshError } from '../errors/index.ts'
import type { Clock } from '../util/index.ts'

/**
 * Runs `work` with a signal that aborts after `timeoutMs` (with `ERR_TIMEOUT` as its reason), or with
 * `signal`. Nothing of it is left behind when `work` has settled.
 */
export const withDeadline = async <T>(
  { clock }: { clock: Clock },
  {
    timeoutMs,
    what,
    signal,
  }: { timeoutMs: number; what: string; signal?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const controller = new AbortController()
  const onAbort = (): void => controller.abort(signal?.reason)
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const cancel = clock.schedule(timeoutMs, () =>
    controller.abort(new MeshError('ERR_TIMEOUT', `${what}: nothing within ${timeoutMs} ms`)),
  )
  try {
    return await work(controller.signal)
  } finally {
    cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}
