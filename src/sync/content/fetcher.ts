import { isMeshError, MeshError } from '../../errors/index.ts'
import { formatSize } from '../../util/index.ts'
import { linkSignals, sleep } from '../async.ts'
import { ASK_AROUND_DELAY_MS, FAILURES_BEFORE_WARNING, FETCH_BACKOFF_MS } from '../limits.ts'
import { HOLDER_RETRY_MS, HOLDER_WAIT_MS, MAX_FETCH_BACKOFF_MS, MAX_FETCHES } from '../limits.ts'
import { MAX_CLAIMS, MAX_SOUGHT_CONTENTS, SMALL_CONTENT_BYTES } from '../limits.ts'
import { isListed } from '../blocks/exchange.ts'
import { createAttempt } from './attempt.ts'
import { createBacklog } from './backlog.ts'
import { readHolder } from './holder-stream.ts'
import { createHolders } from './holders.ts'
import type { Blocks } from '../../blocks/index.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Health, Logger, Worker, Workers } from '../../observe/index.ts'
import type { Peer, Transport } from '../../transport/index.ts'
import type { Clock, Random } from '../../util/index.ts'
import type { BlockExchange, Fetched, ListedContent } from '../blocks/exchange.ts'
import type { Acceptance, Collection, ContentRef, MissingContent } from '../collection.ts'
import type { Attempt } from './attempt.ts'
import type { Holders } from './holders.ts'
import type { Segments } from './segments.ts'

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

/** One content that is missing here. */
interface Task {
  readonly collection: Collection
  missing: MissingContent
  readonly holders: Holders
  failures: number
  /** Why the last attempt brought nothing. */
  lastError: string | undefined
  /** Monotonic; not tried before. */
  notBeforeMs: number
  /** A former attempt came out wrong: one holder at a time from now on. */
  single: boolean
  /** Of that attempt, if several took part in it. */
  mixed: Segments | undefined
  /** Under way. */
  running: { isComplete: () => boolean; abort: () => void } | undefined
  /** Waits within an attempt that a new holder ends. */
  readonly wakes: Set<() => void>
}

const WARNING = 'content-unavailable'
/** The code that files have for the same, told of one name. */
const DISK_WARNING = 'disk-full'

/** The first lane is for small content only, so that large content never blocks all of them. */
const suits = ({ missing }: Task, lane: number): boolean =>
  lane > 0 || missing.content.sizeBytes <= SMALL_CONTENT_BYTES

const liar = ({ name }: MissingContent): MeshError =>
  new MeshError('ERR_FILE_CONTENT_MISMATCH', `a peer sent bytes of ${name} that are not in it`)

const keyOf = (collection: string, name: string): string => `${collection} ${name}`

export const createFetcher = (init: FetcherInit): Fetcher => {
  const { transport, clock, random, logger, workers, health, collections, counts } = init
  const { maxSought = MAX_SOUGHT_CONTENTS } = init
  const tasks = new Map<string, Task>()
  /** What is missing beyond the tasks that there is room for. */
  const backlog = createBacklog()
  const claims = { left: MAX_CLAIMS }
  let lanes: Worker[] = []

  const connected = (): PeerId[] => transport.peers().map(({ id }) => id)

  const wakeLanes = (): void => {
    const nowMs = clock.monotonicMs()
    for (const [index, lane] of lanes.entries()) {
      if (lane.status().state !== 'idle') continue
      let soonestMs = Number.POSITIVE_INFINITY
      for (const task of tasks.values()) {
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

  const drop = (key: string, task: Task): void => {
    tasks.delete(key)
    task.holders.end()
  }

  const remove = (key: string, task: Task): void => {
    drop(key, task)
    // What has been delivered completely is being stored, which is why it is missing no more.
    if (task.running?.isComplete() === false) task.running.abort()
    clearWarnings(task.missing.name)
  }

  const backoffMs = (failures: number): number =>
    Math.min(FETCH_BACKOFF_MS * 2 ** (failures - 1), MAX_FETCH_BACKOFF_MS) *
    (0.5 + random.fraction())

  const firstDelayMs = (failures: number): number =>
    failures === 0 ? ASK_AROUND_DELAY_MS * (1 + random.fraction()) : backoffMs(failures)

  const add = (collection: Collection, missing: MissingContent, failures = 0): void => {
    const { name } = missing
    if (tasks.size >= maxSought) {
      backlog.add({ collection, name, failures })
      return
    }
    const task: Task = {
      collection,
      missing,
      holders: createHolders({
        clock,
        random,
        claims,
        connected,
        wants: (peer) => init.wants(peer, collection.name, name),
      }),
      failures,
      lastError: undefined,
      notBeforeMs: clock.monotonicMs() + firstDelayMs(failures),
      single: false,
      mixed: undefined,
      running: undefined,
      wakes: new Set(),
    }
    tasks.set(keyOf(collection.name, name), task)
    wakeFor(task)
  }

  /** Gives what has waited longest the places that are free. */
  const fill = (): void => {
    while (tasks.size < maxSought) {
      const next = backlog.take()
      if (next === undefined) return
      const [missing] = next.collection.missing(next.name)
      if (missing !== undefined) add(next.collection, missing, next.failures)
      else clearWarnings(next.name)
    }
  }

  /** Lets another one be looked for in the place of what nobody seems to have. */
  const giveWay = (task: Task): void => {
    const { collection, failures } = task
    const { name } = task.missing
    if (failures < FAILURES_BEFORE_WARNING || backlog.size === 0) return
    drop(keyOf(collection.name, name), task)
    backlog.add({ collection, name, failures })
    fill()
  }

  const refresh: Fetcher['refresh'] = (collection, name) => {
    const key = keyOf(collection.name, name)
    const task = tasks.get(key)
    const [missing] = collection.missing(name)
    if (missing !== undefined && task?.missing.content.digest === missing.content.digest) {
      task.missing = missing
      return
    }
    if (task !== undefined) remove(key, task)
    if (missing !== undefined) {
      if (!backlog.has(collection, name)) add(collection, missing)
    } else if (backlog.delete(collection, name)) clearWarnings(name)
    fill()
  }

  /** There may be something to gain by trying now. */
  const encourage = (task: Task, delayMs: number): void => {
    for (const wake of task.wakes) wake()
    task.notBeforeMs = Math.min(task.notBeforeMs, clock.monotonicMs() + delayMs)
    wakeFor(task)
  }

  const onConnect = (): void => {
    for (const task of tasks.values()) {
      if (!task.holders.hasClaimant()) encourage(task, ASK_AROUND_DELAY_MS)
    }
  }

  /** Its claims make room for those of others: they are made anew when it comes back. */
  const onDisconnect = ({ id }: Peer): void => {
    for (const { holders } of tasks.values()) holders.leave(id)
  }

  /** The smallest content that may be tried now in this lane. */
  const choose = (lane: number): Task | undefined => {
    const nowMs = clock.monotonicMs()
    let best: Task | undefined
    for (const task of tasks.values()) {
      if (task.running !== undefined || task.notBeforeMs > nowMs || !suits(task, lane)) continue
      const { sizeBytes } = task.missing.content
      if (best === undefined || sizeBytes < best.missing.content.sizeBytes) best = task
    }
    return best
  }

  /** Whether another content waits and no place is free for it. */
  const isCrowded = (): boolean =>
    lanes.every((lane, index) => index === 0 || lane.status().state === 'running') &&
    choose(1) !== undefined

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

  const postpone = (task: Task, error?: unknown): void => {
    task.lastError =
      error instanceof Error ? error.message : 'no connected peer says that it has the content'
    task.failures++
    counts.failures++
    task.notBeforeMs = clock.monotonicMs() + backoffMs(task.failures)
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

  /** Everything was delivered and it is not what it should be. */
  const onMismatch = (task: Task, { segments }: Attempt, verdict: Acceptance): void => {
    const peers = segments.peers()
    const [first] = peers
    if (peers.length === 1 && first !== undefined && verdict.outcome === 'refused') {
      task.holders.ban(first)
      init.onFault(first, verdict.error)
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
    for (const peer of await mixed.findLiars(truth, signal)) init.onFault(peer, liar(missing))
  }

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
      await init.blocks?.addContent(how.owner, { list, digest: content.digest })
      logger.debug({ name, from: givers }, 'content put together')
    }
    return verdict
  }

  const runBlocks = async (
    task: Task,
    missing: ListedContent,
    exchange: Pick<BlockExchange, 'fetch'>,
    laneSignal: AbortSignal,
  ): Promise<void> => {
    const { collection, holders, wakes } = task
    const { name } = missing
    if (holders.next(new Set()) === undefined && init.blocks?.has(missing.assembly.list) !== true) {
      postpone(task)
      giveWay(task)
      return
    }
    const linked = linkSignals(laneSignal)
    const { signal } = linked
    let complete = false
    let wake = (): void => {}
    task.running = { isComplete: () => complete, abort: () => linked.abort() }
    counts.fetches++
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
      if (signal.aborted) return
      const isExpected = isMeshError(error, 'ERR_FILE_CONTENT_MISSING')
      if (!isExpected) logger.warn({ name, error }, 'content not fetched')
      postpone(task, error)
    } finally {
      wakes.delete(wake)
      task.running = undefined
      linked.end()
      refresh(collection, name)
      if (tasks.get(keyOf(collection.name, name)) === task) giveWay(task)
    }
  }

  const run = async (task: Task, laneSignal: AbortSignal): Promise<void> => {
    const { collection, missing, holders, single } = task
    const { exchange } = init
    if (exchange !== undefined && isListed(missing)) {
      return runBlocks(task, missing, exchange, laneSignal)
    }
    const { name, content } = missing
    const first = holders.next(new Set())
    if (first === undefined) {
      postpone(task)
      giveWay(task)
      return
    }
    const linked = linkSignals(laneSignal)
    const { signal } = linked
    const attempt = createAttempt({
      first,
      content,
      holders,
      single,
      signal,
      read: (peer, offset, hasChoice) =>
        readHolder(
          { transport, clock },
          { peer, collection: collection.name, name, content, offset, signal, hasChoice },
        ),
      waitForHolder: createWait(task, signal),
      onFault: init.onFault,
    })
    task.running = { isComplete: attempt.isComplete, abort: () => linked.abort() }
    counts.fetches++
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
      if (signal.aborted) return
      if (!isMeshError(error, 'ERR_ABORTED')) logger.warn({ name, error }, 'content not stored')
      postpone(task, error)
    } finally {
      task.running = undefined
      linked.end()
      refresh(collection, name)
      if (tasks.get(keyOf(collection.name, name)) === task) giveWay(task)
    }
  }

  const createLane = (index: number): Worker =>
    workers.add({
      name: `content-${index + 1}`,
      async run(signal) {
        for (let task = choose(index); task !== undefined; task = choose(index)) {
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
      lanes = Array.from({ length: MAX_FETCHES }, (_, index) => createLane(index))
      for (const collection of collections.values()) {
        for (const { name } of collection.missing()) refresh(collection, name)
      }
    },

    async stop() {
      transport.events.off('connect', onConnect)
      transport.events.off('disconnect', onDisconnect)
      const stopping = lanes
      lanes = []
      await Promise.all(stopping.map((lane) => lane.stop()))
      for (const [key, task] of tasks) drop(key, task)
      backlog.clear()
    },

    refresh,

    addHolder(collection, name, content, peer) {
      refresh(collection, name)
      const task = tasks.get(keyOf(collection.name, name))
      if (task?.missing.content.digest !== content.digest) return
      if (task.holders.claim(peer)) encourage(task, 0)
    },

    about(collection, name) {
      const task = tasks.get(keyOf(collection.name, name))
      if (task === undefined) return undefined
      return { holders: task.holders.claimants(), lastError: task.lastError }
    },

    fetching: () => [...tasks.values()].map(({ missing }) => missing.name).sort(),
  }
}
