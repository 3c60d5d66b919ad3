import { MeshError } from '../errors/index.ts'
import type { Logger } from '../observe/index.ts'
import type { Clock } from '../util/index.ts'

/** A part of the daemon. */
export interface Part {
  start(): Promise<void>
  stop(): Promise<void>
}

/** What has been started, in order, so that it can be stopped in reverse. */
export interface Lifecycle {
  /**
   * Takes one step of the start. When it is done, `undo` is remembered.
   *
   * @throws MeshError `ERR_ABORTED` if the start was cancelled meanwhile, and whatever `start` throws
   */
  enter<T>(name: string, start: () => Promise<T> | T, undo?: (started: T) => unknown): Promise<T>
  /** The same for a part that starts and stops. */
  run(name: string, part: Part): Promise<void>
  /**
   * Undoes all steps, the last first. A step that fails is logged, and the others still run; when
   * the deadline is over, the rest is given up. Answers whether everything went well.
   */
  leave(deadlineMs: number): Promise<boolean>
}

const cancelled = (): MeshError => new MeshError('ERR_ABORTED', 'the start was cancelled')

export const createLifecycle = (
  { clock, logger }: { clock: Clock; logger: Logger },
  { signal }: { signal: AbortSignal },
): Lifecycle => {
  const steps: { name: string; undo: () => unknown }[] = []

  const undoAll = async (): Promise<boolean> => {
    let fine = true
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      const { name } = step
      try {
        logger.debug({ step: name }, 'stopping')
        await step.undo()
      } catch (error) {
        fine = false
        logger.error({ step: name, error }, 'stopping failed; going on with the rest')
      }
    }
    return fine
  }

  const lifecycle: Lifecycle = {
    async enter(name, start, undo) {
      if (signal.aborted) throw cancelled()
      const beganMs = clock.monotonicMs()
      const started = await start()
      if (signal.aborted) {
        // Stopping has begun without this step, so it is undone here.
        await undo?.(started)
        throw cancelled()
      }
      if (undo !== undefined) steps.push({ name, undo: () => undo(started) })
      logger.info({ step: name, ms: Math.round(clock.monotonicMs() - beganMs) }, 'started')
      return started
    },
    run: (name, part) =>
      lifecycle.enter(
        name,
        () => part.start(),
        () => part.stop(),
      ),
    leave(deadlineMs) {
      return new Promise((resolve) => {
        const cancel = clock.schedule(deadlineMs, () => {
          logger.error({ left: steps.map(({ name }) => name) }, 'stopping took too long')
          resolve(false)
        })
        void undoAll().then((fine) => {
          cancel()
          resolve(fine)
        })
      })
    },
  }
  return lifecycle
}
