import { isMeshError } from '../errors/index.ts'
import { SCRUB_INTERVAL_MS, SCRUB_STEP_BYTES } from './limits.ts'
import { NO_SCRUB } from './rows.ts'
import type { Logger, Worker, Workers } from '../observe/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Checked, Checker } from './checker.ts'
import type { Damage } from './damage.ts'
import type { ScrubRow } from './rows.ts'
import type { ScrubStat } from './types.ts'

/** Steps between two notes of how far it has come, so that a restart goes on near there. */
const STEPS_PER_NOTE = 16
/** From the start of a daemon that has never scrubbed to the first time. */
const FIRST_DELAY_MS = 3_600_000
/** From the start to going on. */
const RESUME_DELAY_MS = 1_000
/** After a step that the disk refused. */
const RETRY_DELAY_MS = 60_000

/** Checks everything in the background, over and over, at a set pace. */
export interface Scrubber {
  start(): void
  stop(): Promise<void>
  /** Begins now unless it is under way. */
  wake(): void
  stat(): ScrubStat
}

export interface ScrubberComponents {
  readonly catalogue: Catalogue
  readonly checker: Checker
  readonly clock: { nowMs(): number }
  readonly damage: Damage
  readonly logger: Logger
  readonly workers: Workers
  /** 0: never by itself, and unpaced when asked for. */
  readonly bytesPerSecond: number
}

export const createScrubber = (components: ScrubberComponents): Scrubber => {
  const { catalogue, checker, clock, damage, logger, workers, bytesPerSecond } = components
  let worker: Worker | undefined
  let row: ScrubRow = NO_SCRUB
  let walk: AsyncIterator<Checked> | undefined
  let steps = 0

  const begin = (): void => {
    row = { ...NO_SCRUB, stage: 'stored', begunAtMs: clock.nowMs(), endedAtMs: row.endedAtMs }
  }

  const count = (checked: Checked): void => {
    const { stage, cursor, sizeBytes, outcome } = checked
    row = {
      ...row,
      ...{ stage, cursor },
      checkedBlocks: row.checkedBlocks + (sizeBytes > 0 ? 1 : 0),
      checkedBytes: row.checkedBytes + sizeBytes,
      damagedBlocks: row.damagedBlocks + (outcome === 'damaged' ? 1 : 0),
    }
  }

  const finish = async (): Promise<void> => {
    walk = undefined
    await catalogue.forgetDamage(row.begunAtMs)
    damage.review()
    row = { ...row, stage: 'idle', endedAtMs: clock.nowMs(), cursor: new Uint8Array() }
    await catalogue.setScrub(row)
    const { checkedBlocks, checkedBytes, damagedBlocks } = row
    logger.info({ checkedBlocks, checkedBytes, damagedBlocks }, 'all blocks were checked')
  }

  /** Checks one step's worth; answers its bytes, or `undefined` at the end of everything. */
  const step = async (signal: AbortSignal): Promise<number | undefined> => {
    const from = row.stage === 'idle' ? undefined : { stage: row.stage, cursor: row.cursor }
    walk ??= checker.walk({ signal, ...(from && { from }) })[Symbol.asyncIterator]()
    let bytes = 0
    while (bytes < SCRUB_STEP_BYTES) {
      const next = await walk.next()
      if (next.done) return undefined
      count(next.value)
      bytes += next.value.sizeBytes
    }
    return bytes
  }

  const waitForNext = (): void => {
    if (bytesPerSecond === 0) return
    const sinceMs = Math.max(0, clock.nowMs() - row.endedAtMs)
    worker?.wake(row.endedAtMs === 0 ? FIRST_DELAY_MS : Math.max(1, SCRUB_INTERVAL_MS - sinceMs))
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    if (row.stage === 'idle') begin()
    try {
      const bytes = await step(signal)
      if (bytes === undefined) {
        await finish()
        waitForNext()
        return
      }
      if (++steps % STEPS_PER_NOTE === 0) await catalogue.setScrub(row)
      worker?.wake(bytesPerSecond === 0 ? 1 : Math.ceil((bytes * 1000) / bytesPerSecond))
    } catch (error) {
      walk = undefined
      if (!isMeshError(error, 'ERR_ABORTED')) worker?.wake(RETRY_DELAY_MS)
      throw error
    }
  }

  return {
    start() {
      row = catalogue.scrub()
      worker = workers.add({ name: 'blocks-scrub', run })
      // What was under way goes on; else the next is due some time after the last one.
      if (row.stage === 'idle') waitForNext()
      else worker.wake(RESUME_DELAY_MS)
    },
    async stop() {
      const ending = worker?.stop()
      worker = undefined
      await ending
      await walk?.return?.()
      walk = undefined
      if (row.stage !== 'idle') await catalogue.setScrub(row)
    },
    wake() {
      if (row.stage === 'idle') worker?.wake()
    },
    stat() {
      const { contentBytes, storedBytes } = catalogue.totals()
      const { checkedBlocks, checkedBytes, damagedBlocks, begunAtMs, endedAtMs } = row
      return {
        ...{ checkedBlocks, checkedBytes, damagedBlocks, bytesPerSecond },
        totalBytes: storedBytes + contentBytes,
        running: row.stage !== 'idle',
        begunAtMs: begunAtMs === 0 ? undefined : begunAtMs,
        endedAtMs: endedAtMs === 0 ? undefined : endedAtMs,
      }
    },
  }
}
