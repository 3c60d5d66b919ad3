/** One attempt at content that is put together from its blocks. */
import { isMeshError } from '../../errors/index.ts'
import { linkSignals } from '../async.ts'
import type { Blocks } from '../../blocks/index.ts'
import type { Logger } from '../../observe/index.ts'
import type { Transport } from '../../transport/index.ts'
import type { BlockExchange, Fetched, ListedContent } from '../blocks/exchange.ts'
import type { Acceptance } from '../collection.ts'
import type { Task } from './task.ts'

export interface BlockRunInit {
  readonly transport: Pick<Transport, 'peerId'>
  readonly logger: Logger
  readonly exchange: Pick<BlockExchange, 'fetch'>
  readonly blocks: Pick<Blocks, 'addContent' | 'has'>
  /** Whether others wait for the place that this takes. */
  readonly isCrowded: () => boolean
  readonly onBegun: () => void
  /** It came to nothing. */
  readonly postpone: (task: Task, error: unknown) => void
}

/** Answers whether there was anybody to be asked. */
export type BlockRun = (
  task: Task,
  missing: ListedContent,
  laneSignal: AbortSignal,
) => Promise<boolean>

export const createBlockRun = (init: BlockRunInit): BlockRun => {
  const { transport, logger, exchange, blocks, isCrowded, onBegun, postpone } = init

  /** Takes in what was put together, and has it serve its blocks from where it is shown. */
  const takeIn = async (
    { name, content, accept, assembly: how }: ListedContent,
    { assembly, list, givers }: Fetched,
    signal: AbortSignal,
  ): Promise<Acceptance> => {
    const path = await assembly.finish({ mode: how.mode })
    const offer = { path, sizeBytes: content.sizeBytes, blocks: how.list }
    const verdict = await accept(offer, givers[0] ?? transport.peerId, { signal })
    if (verdict.outcome === 'stored') {
      await blocks.addContent(how.owner, { list, digest: content.digest })
      logger.debug({ name, from: givers }, 'content put together')
    }
    return verdict
  }

  return async (task, missing, laneSignal) => {
    const { collection, holders, wakes } = task
    const { name } = missing
    if (holders.next(new Set()) === undefined && !blocks.has(missing.assembly.list)) return false
    const linked = linkSignals(laneSignal)
    const { signal } = linked
    let complete = false
    let wake = (): void => {}
    task.running = { isComplete: () => complete, abort: () => linked.abort() }
    onBegun()
    const onStart = (call: () => void): void => {
      wake = call
      wakes.add(wake)
    }
    try {
      const request = { collection, missing, holders, signal, isCrowded, onStart }
      const verdict = await exchange.fetch(request, (fetched) => {
        complete = true
        return takeIn(missing, fetched, signal)
      })
      if (verdict.outcome === 'refused') {
        logger.warn({ name, error: verdict.error }, 'content was put together and is not taken in')
        postpone(task, verdict.error)
      }
    } catch (error) {
      if (signal.aborted) return true
      const isExpected = isMeshError(error, 'ERR_FILE_CONTENT_MISSING')
      if (!isExpected) logger.warn({ name, error }, 'content not fetched')
      postpone(task, error)
    } finally {
      wakes.delete(wake)
      linked.end()
    }
    return true
  }
}
