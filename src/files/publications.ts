import { isMeshError } from '../errors/index.ts'
import { RETRY_DELAY_MS, UPKEEP_INTERVAL_MS } from './limits.ts'
import { createNameStates } from './name-states.ts'
import { viewKey } from './view.ts'
import type { EventEmitter } from 'node:events'
import type { Disk } from '../disk/index.ts'
import type { Logger, Worker } from '../observe/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Digest, KeyedLock } from '../util/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { NameStates } from './name-states.ts'
import type { Publish, PublishOptions } from './publisher.ts'
import type { Row } from './row.ts'
import type { FileRecord, FilesEvents, FileView, Origin } from './types.ts'
import type { Warnings } from './warnings.ts'

/** Why a name is published: something was taken in. */
export interface Taken {
  readonly record: FileRecord
  readonly from: Origin
  /** Whether the statement is new, rather than the content of a known one. */
  readonly statementStored: boolean
  /** The view before that. */
  readonly before: FileView | undefined
}

/** Publishes names, tells whoever listens what changed, and tries again what the disk refused. */
export interface Publications {
  /** The caller holds the lock of the name. Rejects if the disk refuses; it is tried again later. */
  publish(name: FileName, options: PublishOptions, taken: Taken): Promise<Row>
  /**
   * Takes the lock; what the disk refuses is logged and tried again later. `before` is the view that
   * a change of rules has ended.
   */
  publishSoon(
    name: FileName,
    options?: PublishOptions,
    before?: { readonly view: FileView | undefined },
  ): Promise<void>
  /** As `publishSoon`, for a caller that holds the lock. */
  publishHeld(name: FileName, options: PublishOptions): Promise<void>
  /** Tells of a change of rules for a name of which there is nothing to publish. */
  tellChange(name: FileName, before: FileView | undefined): void
  /** Tells of the blocks of content that has come. */
  tellListed(listed: FilesEvents['listed'][0]): void
  /** Something outside of a publication could not be written. */
  refused(error: unknown): void
  /** Publishes what the clock has changed and what was refused before. */
  catchUp(signal: AbortSignal): Promise<void>
  /** Wakes the worker in time for the next moment at which something expires. */
  arm(): void
  /** Takes over the states that the store knows. */
  load(): void
  /** Of the names that something is known of. */
  readonly states: Pick<NameStates, 'get' | 'has' | 'keys' | 'counts' | 'sortedWith'>
  /** Nothing is known of the name any more. */
  forget(name: FileName): void
  /** Forgets names that are not configured any more. */
  retain(isWanted: (name: FileName) => boolean): void
}

interface Unfinished {
  /** Content to be removed, as in {@link PublishOptions}. */
  readonly displaced: readonly Digest[]
  /** Who brought what is to be published. */
  readonly from?: Origin
}

/** More than what a publication writes; less than anybody would call room. */
const PROBE_BYTES = 64 * 2 ** 10

export const createPublications = ({
  disk,
  catalogue,
  clock,
  events,
  locks,
  logger,
  warnings,
  publishNow,
  view,
  worker,
}: {
  disk: Disk
  catalogue: Catalogue
  clock: { nowMs(): number }
  events: EventEmitter<FilesEvents>
  locks: KeyedLock
  logger: Logger
  warnings: Warnings
  publishNow: Publish
  view(name: FileName): FileView | undefined
  worker(): Worker | undefined
}): Publications => {
  /** Of names that have a row. */
  const states = createNameStates()
  /** Names whose publication failed, with what the next attempt needs to know. */
  const unfinished = new Map<FileName, Unfinished>()

  /** A listener's mistake is not the caller's. */
  const tell = (send: () => void): void => {
    try {
      send()
    } catch (error) {
      logger.error({ error }, 'a listener to file events failed')
    }
  }

  const tellAll = (
    name: FileName,
    before: FileView | undefined,
    taken: Taken | undefined,
  ): void => {
    const after = view(name)
    const from = taken?.from ?? unfinished.get(name)?.from
    const winner = after?.winner
    const isShown = after?.state === 'shown'
    if (taken?.statementStored === true) {
      const { record } = taken
      const contentHere = isShown && winner?.signed.id === record.signed.id
      tell(() => events.emit('record', { record, from: taken.from, contentHere }))
    } else if (
      isShown &&
      winner !== undefined &&
      from !== undefined &&
      before?.state === 'missing' &&
      before.winner?.signed.id === winner.signed.id
    ) {
      tell(() => events.emit('content', { record: winner, from }))
    }
    if (viewKey(before) !== viewKey(after))
      tell(() => events.emit('change', { name, before, after }))
  }

  const arm = (): void => {
    const nextMs = catalogue.nextWakeMs()
    if (nextMs === undefined) return
    const delayMs = nextMs - clock.nowMs()
    // What is due and still there was refused by the disk: no need to hurry.
    if (delayMs <= 0) worker()?.wake(RETRY_DELAY_MS)
    // The next look by itself comes after an interval and its jitter: less than two.
    else if (delayMs < 2 * UPKEEP_INTERVAL_MS) worker()?.wake(delayMs)
  }

  const postpone = (name: FileName, options: PublishOptions, taken: Taken | undefined): void => {
    const former = unfinished.get(name)
    const from = taken?.from ?? former?.from
    unfinished.set(name, {
      displaced: [...new Set([...(former?.displaced ?? []), ...(options.displaced ?? [])])],
      ...(from === undefined ? {} : { from }),
    })
  }

  const publish = async (
    name: FileName,
    options: PublishOptions,
    before: FileView | undefined,
    taken?: Taken,
  ): Promise<Row> => {
    let row: Row | undefined
    try {
      row = await publishNow(name, options)
      warnings.diskWritten()
      return row
    } catch (error) {
      // Stopping in the middle is no failure: the next start goes on from here.
      if (!isMeshError(error, 'ERR_ABORTED')) {
        warnings.diskRefused(error)
        logger.error({ name, error }, 'a file could not be published; it will be tried again')
        worker()?.wake(RETRY_DELAY_MS)
      }
      throw error
    } finally {
      states.set(name, (row ?? catalogue.row(name))?.state ?? 'none')
      tellAll(name, before, taken)
      if (row !== undefined) unfinished.delete(name)
      else postpone(name, options, taken)
      arm()
    }
  }

  const publishSoon: Publications['publishSoon'] = async (name, options = {}, before) => {
    try {
      await locks.run(name, () =>
        publish(name, options, before === undefined ? view(name) : before.view),
      )
    } catch (error) {
      if (!isMeshError(error)) throw error
    }
  }

  /** A full disk is noticed when it has room again, even if nobody has anything to write. */
  const probeDisk = async (): Promise<void> => {
    try {
      const staged = await disk.stage()
      try {
        await staged.write(new Uint8Array(PROBE_BYTES))
        await staged.flush({ mode: 0o600 })
        warnings.diskWritten()
      } finally {
        await staged.discard()
      }
    } catch (error) {
      warnings.diskRefused(error)
    }
  }

  return {
    publish: (name, options, taken) => publish(name, options, taken.before, taken),
    publishSoon,
    async publishHeld(name, options) {
      await publish(name, options, view(name))
    },
    tellChange: (name, before) => tellAll(name, before, undefined),
    tellListed: (listed) => tell(() => events.emit('listed', listed)),
    refused: (error) => warnings.diskRefused(error),
    async catchUp(signal) {
      if (warnings.diskRefuses()) await probeDisk()
      for (const name of new Set([...catalogue.awake(clock.nowMs()), ...unfinished.keys()])) {
        if (signal.aborted) return
        await publishSoon(name, { displaced: unfinished.get(name)?.displaced ?? [] })
      }
      arm()
    },
    arm,
    load() {
      for (const { name, row } of catalogue.rows()) states.set(name, row?.state ?? 'none')
    },
    states,
    forget(name) {
      states.delete(name)
      unfinished.delete(name)
    },
    retain(isWanted) {
      for (const name of states.keys()) if (!isWanted(name)) states.delete(name)
    },
  }
}
