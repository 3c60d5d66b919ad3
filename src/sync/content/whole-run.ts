/** One attempt at content that comes whole, because no block list of it was signed. */
import { isMeshError, MeshError } from '../../errors/index.ts'
import { linkSignals, sleep } from '../async.ts'
import { HOLDER_RETRY_MS, HOLDER_WAIT_MS } from '../limits.ts'
import { createAttempt } from './attempt.ts'
import { readHolder } from './holder-stream.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Logger } from '../../observe/index.ts'
import type { Transport } from '../../transport/index.ts'
import type { Clock } from '../../util/index.ts'
import type { Acceptance, MissingContent } from '../collection.ts'
import type { Attempt } from './attempt.ts'
import type { Task } from './task.ts'

export interface WholeRunInit {
  readonly transport: Transport
  readonly clock: Clock
  readonly logger: Logger
  readonly onFault: (peer: PeerId, error: unknown) => void
  /** Whether others wait for the place that this takes. */
  readonly isCrowded: () => boolean
  readonly onBegun: () => void
  /** It came to nothing. */
  readonly postpone: (task: Task, error: unknown) => void
  readonly encourage: (task: Task, delayMs: number) => void
}

/** Answers whether there was anybody to be asked. */
export type Run = (task: Task, laneSignal: AbortSignal) => Promise<boolean>

const liar = ({ name }: MissingContent): MeshError =>
  new MeshError('ERR_FILE_CONTENT_MISMATCH', `a peer sent bytes of ${name} that are not in it`)

export const createWholeRun = (init: WholeRunInit): Run => {
  const { transport, clock, logger, onFault, isCrowded, onBegun, postpone, encourage } = init

  /** Waits within an attempt; gives up sooner if others wait for the place. */
  const createWait = (task: Task, signal: AbortSignal): ((offset: number) => Promise<boolean>) => {
    let progress = { offset: 0, atMs: clock.monotonicMs() }
    return async (offset) => {
      const nowMs = clock.monotonicMs()
      if (offset > progress.offset) progress = { offset, atMs: nowMs }
      if (nowMs - progress.atMs >= HOLDER_WAIT_MS || isCrowded()) return false
      const wait = linkSignals(signal)
      const wake = (): void => wait.abort()
      task.wakes.add(wake)
      await sleep(clock, HOLDER_RETRY_MS, wait.signal).catch(() => undefined)
      task.wakes.delete(wake)
      wait.end()
      return !signal.aborted
    }
  }

  /** Everything was delivered and it is not what it should be. */
  const onMismatch = (task: Task, { segments }: Attempt, verdict: Acceptance): void => {
    const peers = segments.peers()
    const [first] = peers
    if (peers.length === 1 && first !== undefined && verdict.outcome === 'refused') {
      task.holders.ban(first)
      onFault(first, verdict.error)
    } else {
      task.mixed = segments
    }
    task.single = true
    // The next holder may well be honest.
    task.failures = 0
  }

  /** With the truth at hand, finds out who spoilt a former attempt. */
  const findLiars = async (task: Task, signal: AbortSignal): Promise<void> => {
    const { mixed, collection, missing } = task
    if (mixed === undefined) return
    const truth = await collection.open(missing.name, missing.content.digest, signal)
    if (truth === undefined) return
    for (const peer of await mixed.findLiars(truth, signal)) onFault(peer, liar(missing))
  }

  return async (task, laneSignal) => {
    const { collection, missing, holders, single } = task
    const { name, content } = missing
    const first = holders.next(new Set())
    if (first === undefined) return false
    const linked = linkSignals(laneSignal)
    const { signal } = linked
    const attempt = createAttempt({
      ...{ first, content, holders, single, signal, onFault },
      read: (peer, offset, hasChoice) =>
        readHolder(
          { transport, clock },
          { peer, collection: collection.name, name, content, offset, signal, hasChoice },
        ),
      waitForHolder: createWait(task, signal),
    })
    task.running = { isComplete: attempt.isComplete, abort: () => linked.abort() }
    onBegun()
    try {
      const verdict = await missing.accept(attempt.source, first, { signal })
      if (verdict.outcome !== 'refused') {
        logger.debug({ name, from: attempt.lastPeer() }, 'content fetched')
        await findLiars(task, laneSignal)
      } else if (verdict.why === 'content' && attempt.isComplete()) {
        onMismatch(task, attempt, verdict)
        postpone(task, verdict.error)
      } else {
        logger.debug({ name, error: verdict.error }, 'content not fetched')
        postpone(task, verdict.error)
        // It was this holder's doing, and another one has spoken up since: it need not wait.
        if (holders.isCooling(first) && holders.hasClaimant()) encourage(task, 0)
      }
    } catch (error) {
      if (signal.aborted) return true
      if (!isMeshError(error, 'ERR_ABORTED')) logger.warn({ name, error }, 'content not stored')
      postpone(task, error)
    } finally {
      linked.end()
    }
    return true
  }
}
