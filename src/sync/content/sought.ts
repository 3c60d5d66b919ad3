/** Everything that is missing here: what is looked for, and what waits for its turn to be. */
import { ASK_AROUND_DELAY_MS, FAILURES_BEFORE_WARNING, FETCH_BACKOFF_MS } from '../limits.ts'
import { MAX_CLAIMS, MAX_FETCH_BACKOFF_MS } from '../limits.ts'
import { createBacklog } from './backlog.ts'
import { createHolders } from './holders.ts'
import { suits } from './task.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Clock, Random } from '../../util/index.ts'
import type { Collection, MissingContent } from '../collection.ts'
import type { Task } from './task.ts'

export interface Sought {
  /** What is looked for now. */
  tasks(): Iterable<Task>
  get(collection: Collection, name: string): Task | undefined
  /** Looks again at what is missing of one name. */
  refresh(collection: Collection, name: string): void
  /** Lets another one be looked for in the place of what nobody seems to have. */
  giveWay(task: Task): void
  /** There may be something to gain by trying now. */
  encourage(task: Task, delayMs: number): void
  /** How long to wait after so many failures. */
  backoffMs(failures: number): number
  /** The smallest content that may be tried now in this lane. */
  choose(lane: number): Task | undefined
  clear(): void
}

export interface SoughtInit {
  readonly clock: Clock
  readonly random: Random
  /** Contents that are looked for at the same time. */
  readonly maxSought: number
  readonly connected: () => readonly PeerId[]
  readonly wants: (peer: PeerId, collection: string, name: string) => boolean | undefined
  /** It is known when this one may be tried, and that may be sooner than before. */
  readonly onDue: (task: Task) => void
  /** Nothing of this name is missing any more. */
  readonly clearWarnings: (name: string) => void
}

const keyOf = (collection: string, name: string): string => `${collection} ${name}`

export const createSought = (init: SoughtInit): Sought => {
  const { clock, random, maxSought, connected, wants, onDue, clearWarnings } = init
  const tasks = new Map<string, Task>()
  /** What is missing beyond the tasks that there is room for. */
  const backlog = createBacklog()
  const claims = { left: MAX_CLAIMS }

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
        wants: (peer) => wants(peer, collection.name, name),
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
    onDue(task)
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

  const refresh = (collection: Collection, name: string): void => {
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
    onDue(task)
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

  return {
    tasks: () => tasks.values(),
    get: (collection, name) => tasks.get(keyOf(collection.name, name)),
    ...{ refresh, giveWay, encourage, backoffMs, choose },
    clear() {
      for (const [key, task] of tasks) drop(key, task)
      backlog.clear()
    },
  }
}
