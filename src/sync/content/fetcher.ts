import { isMeshError } from '../../errors/index.ts'
import { formatSize } from '../../util/index.ts'
import { ASK_AROUND_DELAY_MS, FAILURES_BEFORE_WARNING } from '../limits.ts'
import { MAX_FETCHES, MAX_SOUGHT_CONTENTS } from '../limits.ts'
import { isListed } from '../blocks/exchange.ts'
import { createBlockRun } from './block-run.ts'
import { createSought } from './sought.ts'
import { suits } from './task.ts'
import { createWholeRun } from './whole-run.ts'
import type { Blocks } from '../../blocks/index.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Health, Logger, Worker, Workers } from '../../observe/index.ts'
import type { Peer, Transport } from '../../transport/index.ts'
import type { Clock, Random } from '../../util/index.ts'
import type { BlockExchange } from '../blocks/exchange.ts'
import type { Collection, ContentRef } from '../collection.ts'
import type { Task } from './task.ts'

/** Gets the content that is missing here, from whoever has it. */
export interface Fetcher {
  start(): void
  stop(): Promise<void>
  /** Looks again at what is missing of one name. */
  refresh(collection: Collection, name: string): void
  /** A peer says that it has this content. */
  addHolder(collection: Collection, name: string, content: ContentRef, peer: PeerId): void
  /** Names whose content is being fetched or waits for a holder, sorted. */
  fetching(): readonly string[]
  /** How the search for missing content of a name goes; `undefined` if there is none. */
  about(
    collection: Collection,
    name: string,
  ): { readonly holders: readonly PeerId[]; readonly lastError: string | undefined } | undefined
}

export interface FetcherInit {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly workers: Workers
  readonly health: Health
  readonly collections: ReadonlyMap<string, Collection>
  readonly wants: (peer: PeerId, collection: string, name: string) => boolean | undefined
  readonly onFault: (peer: PeerId, error: unknown) => void
  readonly counts: { fetches: number; failures: number }
  /** For content with a block list. */
  readonly exchange?: Pick<BlockExchange, 'fetch'>
  readonly blocks?: Pick<Blocks, 'addContent' | 'has'>
  /** Contents that are looked for at the same time. @default MAX_SOUGHT_CONTENTS */
  readonly maxSought?: number
}

const WARNING = 'content-unavailable'
/** The code that files have for the same, told of one name. */
const DISK_WARNING = 'disk-full'

export const createFetcher = (init: FetcherInit): Fetcher => {
  const { transport, clock, random, logger, workers, health, collections, counts } = init
  const { maxSought = MAX_SOUGHT_CONTENTS, wants, onFault, exchange, blocks } = init
  let lanes: Worker[] = []

  const wakeLanes = (): void => {
    const nowMs = clock.monotonicMs()
    for (const [index, lane] of lanes.entries()) {
      if (lane.status().state !== 'idle') continue
      let soonestMs = Number.POSITIVE_INFINITY
      for (const task of sought.tasks()) {
        if (task.running !== undefined || !suits(task, index)) continue
        soonestMs = Math.min(soonestMs, task.notBeforeMs)
      }
      if (soonestMs < Number.POSITIVE_INFINITY) lane.wake(Math.max(1, soonestMs - nowMs))
    }
  }

  /** Has the lanes that may run this one wake in time for it; looking at all would cost too much. */
  const wakeFor = (task: Task): void => {
    if (task.running !== undefined) return
    const delayMs = Math.max(1, task.notBeforeMs - clock.monotonicMs())
    for (const [index, lane] of lanes.entries()) {
      if (suits(task, index) && lane.status().state === 'idle') lane.wake(delayMs)
    }
  }

  const clearWarnings = (name: string): void => {
    health.clear(WARNING, name)
    health.clear(DISK_WARNING, name)
  }

  const sought = createSought({
    ...{ clock, random, maxSought, wants, clearWarnings },
    connected: () => transport.peers().map(({ id }) => id),
    onDue: wakeFor,
  })

  /** Those whose claims count. */
  const here = new Set<PeerId>()

  const onConnect = ({ id }: Peer): void => {
    here.add(id)
    for (const task of sought.tasks()) {
      if (!task.holders.hasClaimant()) sought.encourage(task, ASK_AROUND_DELAY_MS)
    }
  }

  /** Its claims make room for those of others: they are made anew when it comes back. */
  const onDisconnect = ({ id }: Peer): void => {
    here.delete(id)
    for (const { holders } of sought.tasks()) holders.leave(id)
  }

  /** Whether another content waits and no place is free for it. */
  const isCrowded = (): boolean =>
    lanes.every((lane, index) => index === 0 || lane.status().state === 'running') &&
    sought.choose(1) !== undefined

  const postpone = (task: Task, error?: unknown): void => {
    task.lastError =
      error instanceof Error ? error.message : 'no connected peer says that it has the content'
    task.failures++
    counts.failures++
    task.notBeforeMs = clock.monotonicMs() + sought.backoffMs(task.failures)
    const { name, content } = task.missing
    if (isMeshError(error, 'ERR_DISK_FULL')) {
      health.clear(WARNING, name)
      health.raise({
        code: DISK_WARNING,
        subject: name,
        severity: 'error',
        message: `the content of ${name} (${formatSize(content.sizeBytes)}) is not taken in: ${error.message}; it is fetched when there is room`,
      })
      return
    }
    health.clear(DISK_WARNING, name)
    if (task.failures < FAILURES_BEFORE_WARNING) return
    health.raise({
      code: WARNING,
      subject: name,
      severity: 'warning',
      message: `the content of ${name} is known by its statement, but no connected peer delivers it; it is asked for again and again`,
    })
  }

  const onBegun = (): void => {
    counts.fetches++
  }
  const runWhole = createWholeRun({
    ...{ transport, clock, logger, onFault, isCrowded, onBegun, postpone },
    encourage: sought.encourage,
  })
  const runBlocks =
    exchange &&
    blocks &&
    createBlockRun({ transport, logger, exchange, blocks, isCrowded, onBegun, postpone })

  const run = async (task: Task, laneSignal: AbortSignal): Promise<void> => {
    const { collection, missing } = task
    try {
      const isTried =
        runBlocks !== undefined && isListed(missing)
          ? await runBlocks(task, missing, laneSignal)
          : await runWhole(task, laneSignal)
      if (!isTried) postpone(task)
    } finally {
      task.running = undefined
      sought.refresh(collection, missing.name)
      if (sought.get(collection, missing.name) === task) sought.giveWay(task)
    }
  }

  const createLane = (index: number): Worker =>
    workers.add({
      name: `content-${index + 1}`,
      async run(signal) {
        for (let task = sought.choose(index); task !== undefined; task = sought.choose(index)) {
          if (signal.aborted) return
          await run(task, signal)
        }
        // After this run has ended, or it would not count as idle.
        clock.schedule(0, wakeLanes)
      },
    })

  return {
    start() {
      if (lanes.length > 0) return
      transport.events.on('connect', onConnect)
      transport.events.on('disconnect', onDisconnect)
      for (const { id } of transport.peers()) here.add(id)
      lanes = Array.from({ length: MAX_FETCHES }, (_, index) => createLane(index))
      for (const collection of collections.values()) {
        for (const { name } of collection.missing()) sought.refresh(collection, name)
      }
    },

    async stop() {
      transport.events.off('connect', onConnect)
      transport.events.off('disconnect', onDisconnect)
      const stopping = lanes
      lanes = []
      await Promise.all(stopping.map((lane) => lane.stop()))
      sought.clear()
      here.clear()
    },

    refresh: sought.refresh,

    addHolder(collection, name, content, peer) {
      // What it said had to wait, and it has left meanwhile: nobody would take its claim back.
      if (!here.has(peer)) return
      sought.refresh(collection, name)
      const task = sought.get(collection, name)
      if (task?.missing.content.digest !== content.digest) return
      if (task.holders.claim(peer)) sought.encourage(task, 0)
    },

    about(collection, name) {
      const task = sought.get(collection, name)
      if (task === undefined) return undefined
      return { holders: task.holders.claimants(), lastError: task.lastError }
    },

    fetching: () => [...sought.tasks()].map(({ missing }) => missing.name).sort(),
  }
}
