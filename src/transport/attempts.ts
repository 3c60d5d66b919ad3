import { MAX_BACKOFF_MS, MIN_BACKOFF_MS } from './limits.ts'
import type { MeshError } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Clock, Random } from '../util/index.ts'

/** What became of our attempts to connect to one peer. */
export interface Attempt {
  /** In a row. */
  readonly failures: number
  readonly lastError?: MeshError
  /** Monotonic. */
  readonly dueMs: number
}

/** When whom to dial next: exponential backoff with full jitter. */
export interface Attempts {
  get(peer: PeerId): Attempt | undefined
  /** Monotonic time from which the peer may be dialled (again). */
  dueMs(peer: PeerId): number
  failed(peer: PeerId, error: MeshError | undefined, maxBackoffMs?: number): void
  succeeded(peer: PeerId): void
  forget(peer: PeerId): void
  /** Forgets everybody for whom `isKnown` says no. */
  prune(isKnown: (peer: PeerId) => boolean): void
}

export const createAttempts = ({ clock, random }: { clock: Clock; random: Random }): Attempts => {
  const attempts = new Map<PeerId, Attempt>()
  return {
    get: (peer) => attempts.get(peer),
    dueMs: (peer) => attempts.get(peer)?.dueMs ?? 0,
    failed(peer, error, maxBackoffMs = MAX_BACKOFF_MS) {
      const failures = (attempts.get(peer)?.failures ?? 0) + 1
      // The exponent is bounded so that it stays a number.
      const limitMs = Math.min(maxBackoffMs, MIN_BACKOFF_MS * 2 ** Math.min(failures - 1, 30))
      const dueMs = clock.monotonicMs() + random.fraction() * limitMs
      attempts.set(peer, { failures, dueMs, ...(error === undefined ? {} : { lastError: error }) })
    },
    succeeded: (peer) => void attempts.delete(peer),
    forget: (peer) => void attempts.delete(peer),
    prune(isKnown) {
      for (const peer of [...attempts.keys()]) if (!isKnown(peer)) attempts.delete(peer)
    },
  }
}
