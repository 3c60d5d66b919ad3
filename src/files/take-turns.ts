import { MeshError } from '../errors/index.ts'
import type { Clock } from '../util/index.ts'

/** Lets everything else that waits have its turn; rejects with `ERR_ABORTED`. */
export const takeTurns = (clock: Clock, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    clock.schedule(0, () => {
      if (signal.aborted) reject(new MeshError('ERR_ABORTED', 'a check was cancelled'))
      else resolve()
    })
  })
