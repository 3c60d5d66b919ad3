/** Time that stands still until a test moves it, for simulations that run the same every time. */
import type { Clock } from '../../src/util/index.ts'

export interface VirtualClock extends Clock {
  /**
   * Moves time on by `ms` and runs what falls due, in order of time and then of scheduling. Between
   * two moments everything that hangs on promises has come to rest.
   */
  advance(ms: number): Promise<void>
  /** Advances moment by moment until `done()`, for at most `maxMs`; answers whether it is done. */
  runUntil(done: () => boolean, maxMs: number): Promise<boolean>
  /** Advances until nothing is scheduled, for at most `maxMs`; answers whether that was reached. */
  runUntilIdle(maxMs: number): Promise<boolean>
  /** Lets promises come to rest without moving time. */
  settle(): Promise<void>
  /** Makes the wall clock jump, forwards or back; durations do not notice. */
  jumpWall(byMs: number): void
  /** Calls that are scheduled and neither due nor cancelled. */
  pending(): number
}

interface Timer {
  readonly dueMs: number
  readonly order: number
  run: (() => void) | undefined
}

const before = (a: Timer, b: Timer): boolean =>
  a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)

/** A binary heap: simulations of 100 nodes hold thousands of timers. */
const createHeap = () => {
  const items: Timer[] = []
  const at = (index: number): Timer => items[index] as Timer
  const swap = (a: number, b: number): void => {
    const kept = at(a)
    items[a] = at(b)
    items[b] = kept
  }
  return {
    peek: (): Timer | undefined => items[0],
    push(timer: Timer): void {
      let index = items.push(timer) - 1
      while (index > 0 && before(at(index), at((index - 1) >> 1))) {
        swap(index, (index - 1) >> 1)
        index = (index - 1) >> 1
      }
    },
    pop(): void {
      const last = items.pop()
      if (last === undefined || items.length === 0) return
      items[0] = last
      for (let index = 0; ; ) {
        let least = index
        for (const child of [2 * index + 1, 2 * index + 2]) {
          if (child < items.length && before(at(child), at(least))) least = child
        }
        if (least === index) return
        swap(index, least)
        index = least
      }
    },
  }
}

/** One turn of the event loop: every microtask and `nextTick` that is ready has run by then. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * @param init.startMs Wall clock at the start. @default 2026-01-01
 * @param init.turns Turns of the event loop to wait for between two moments; more than one is
 * needed only for code that itself waits for the event loop. @default 1
 */
export const createVirtualClock = (
  init: { startMs?: number; turns?: number } = {},
): VirtualClock => {
  const heap = createHeap()
  const turns = init.turns ?? 1
  let wallOffsetMs = init.startMs ?? Date.UTC(2026, 0, 1)
  let nowMs = 0
  let order = 0
  let live = 0

  const next = (): Timer | undefined => {
    for (let timer = heap.peek(); timer !== undefined; timer = heap.peek()) {
      if (timer.run !== undefined) return timer
      heap.pop()
    }
    return undefined
  }

  const settle = async (): Promise<void> => {
    for (let count = 0; count < turns; count++) await turn()
  }

  /** Runs the next moment if it is not after `limitMs`. */
  const step = async (limitMs: number): Promise<boolean> => {
    const first = next()
    if (first === undefined || first.dueMs > limitMs) return false
    nowMs = Math.max(nowMs, first.dueMs)
    for (let timer = next(); timer !== undefined && timer.dueMs <= nowMs; timer = next()) {
      heap.pop()
      const { run } = timer
      timer.run = undefined
      live--
      run?.()
      // As between two timers of a real event loop: microtasks run dry.
      await new Promise<void>((resolve) => process.nextTick(resolve))
    }
    await settle()
    return true
  }

  const runUntil = async (done: () => boolean, maxMs: number): Promise<boolean> => {
    const limitMs = nowMs + maxMs
    await settle()
    while (!done()) {
      if (await step(limitMs)) continue
      nowMs = limitMs
      return done()
    }
    return true
  }

  return {
    nowMs: () => Math.floor(wallOffsetMs + nowMs),
    monotonicMs: () => nowMs,
    schedule(delayMs, run) {
      const timer: Timer = { dueMs: nowMs + Math.max(0, delayMs), order: order++, run }
      live++
      heap.push(timer)
      return () => {
        if (timer.run !== undefined) live--
        timer.run = undefined
      }
    },
    async advance(ms) {
      await runUntil(() => false, ms)
    },
    runUntil,
    async runUntilIdle(maxMs) {
      return runUntil(() => live === 0, maxMs)
    },
    settle,
    jumpWall(byMs) {
      wallOffsetMs += byMs
    },
    pending: () => live,
  }
}
