import { BESIDE_ROUND_DELAY_MS, INCOMPLETE_ROUND_DELAY_MS, MAX_PARALLEL_ROUNDS } from '../limits.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Worker, Workers } from '../../observe/index.ts'
import type { Clock, Random } from '../../util/index.ts'

/** Peers with whom there is reason for a round, and the rounds that follow from it. */
export interface Dues {
  start(): void
  /** Waits for the rounds under way, which the caller has ended. */
  stop(): Promise<void>
  /**
   * Has a round with this peer after `delayMs`, up to twice that. `ours`: it has to be one that we
   * begin; otherwise one that the peer begins will do as well.
   */
  add(peer: PeerId, options: { delayMs: number; ours: boolean }): void
  /** The peer has begun a round, or ended one. */
  served(peer: PeerId): void
  /** The peer is gone. */
  remove(peer: PeerId): void
}

export interface DuesInit {
  readonly clock: Clock
  readonly random: Random
  readonly workers: Workers
  readonly isConnected: (peer: PeerId) => boolean
  /** A round that begins now, not one that is under way. */
  readonly round: (peer: PeerId) => Promise<void>
  /** Longest wait after failures. */
  readonly maxDelayMs: number
}

interface Due {
  readonly dueMs: number
  readonly failures: number
  readonly ours: boolean
}

export const createDues = (init: DuesInit): Dues => {
  const { clock, random, workers, isConnected, round } = init
  const dues = new Map<PeerId, Due>()
  const running = new Map<PeerId, Promise<void>>()
  /** Before this (monotonic) time no round is begun beside those under way. */
  let besideMs = 0
  let worker: Worker | undefined

  const arm = (): void => {
    if (running.size >= MAX_PARALLEL_ROUNDS) return
    let soonestMs = Number.POSITIVE_INFINITY
    for (const [peer, { dueMs }] of dues) {
      if (!running.has(peer)) soonestMs = Math.min(soonestMs, dueMs)
    }
    if (running.size > 0) soonestMs = Math.max(soonestMs, besideMs)
    if (soonestMs === Number.POSITIVE_INFINITY) return
    worker?.wake(Math.max(1, soonestMs - clock.monotonicMs()))
  }

  const run = async (peer: PeerId, { failures, ours }: Due): Promise<void> => {
    try {
      await round(peer)
    } catch {
      if (worker === undefined || !isConnected(peer)) return
      const delayMs = Math.min(INCOMPLETE_ROUND_DELAY_MS * 2 ** (failures + 1), init.maxDelayMs)
      dues.set(peer, { dueMs: clock.monotonicMs() + delayMs, failures: failures + 1, ours })
    }
  }

  /** Begins what is due; does not wait for it, so that a slow partner holds up one place only. */
  const begin = async (): Promise<void> => {
    const nowMs = clock.monotonicMs()
    for (const [peer, due] of dues) {
      if (due.dueMs > nowMs || running.has(peer)) continue
      // The first partner usually brings all that the others have: they wait for it a while.
      if (running.size >= MAX_PARALLEL_ROUNDS || (running.size > 0 && besideMs > nowMs)) break
      dues.delete(peer)
      if (!isConnected(peer)) continue
      besideMs = nowMs + BESIDE_ROUND_DELAY_MS
      const promise = run(peer, due).finally(() => {
        running.delete(peer)
        arm()
      })
      running.set(peer, promise)
    }
    arm()
  }

  return {
    start() {
      worker = workers.add({ name: 'catch-up', run: begin })
    },
    async stop() {
      const stopping = worker
      worker = undefined
      dues.clear()
      await stopping?.stop()
      await Promise.allSettled(running.values())
    },
    add(peer, { delayMs, ours }) {
      const dueMs = clock.monotonicMs() + delayMs * (1 + random.fraction())
      const known = dues.get(peer)
      dues.set(peer, {
        dueMs: Math.min(dueMs, known?.dueMs ?? dueMs),
        failures: known?.failures ?? 0,
        ours: ours || known?.ours === true,
      })
      arm()
    },
    served(peer) {
      if (dues.get(peer)?.ours === false) dues.delete(peer)
    },
    remove: (peer) => void dues.delete(peer),
  }
}
