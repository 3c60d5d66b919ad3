/** Stops what was scheduled; calling it again, or too late, does nothing. */
export type Cancel = () => void

/** Time as a component, so that a simulation can own it. */
export interface Clock {
  /** Wall clock in milliseconds since the Unix epoch; may jump in either direction. */
  nowMs(): number
  /** Milliseconds since an arbitrary start; never goes back. Use it for every duration. */
  monotonicMs(): number
  /** Calls `run` once after `delayMs`. A pending call does not keep the process alive. */
  schedule(delayMs: number, run: () => void): Cancel
}

/** Longest delay that Node's timers take; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(delayMs, run) {
    let timer: NodeJS.Timeout
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(Math.max(0, leftMs), MAX_TIMER_MS)
      timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : run()), stepMs)
      timer.unref()
    }
    arm(delayMs)
    return () => clearTimeout(timer)
  },
}
