import { MAX_REPORTED_PEERS } from '../limits.ts'
import { addRound, NO_ROUNDS } from './tally.ts'
import type { PeerId } from '../../keys/index.ts'
import type { RoundCounts } from './tally.ts'

/** Of one round, over all collections. */
export interface RoundReport {
  readonly peer: PeerId
  /** Wall clock at the end, ms since the epoch. */
  readonly atMs: number
  /** Who began it. */
  readonly begunBy: 'us' | 'peer'
  readonly equal: boolean
  /** Records that either side lacked, as far as they were found; of a peer's round what moved. */
  readonly differences: number
  readonly received: number
  readonly sent: number
  /** Bytes of frames, both ways. */
  readonly bytes: number
  /** Those of them that we sent. */
  readonly sentBytes: number
  /** Why it ended early, if it did. */
  readonly error?: string
}

/** What became of rounds, whoever began them. */
export interface Reports {
  add(report: RoundReport): void
  /** Of the rounds that we began and that ended well. */
  last(): RoundReport | undefined
  /** The last round with each peer; the newest last. */
  all(): readonly RoundReport[]
  /** Of all rounds since the start. */
  counts(): RoundCounts
}

export const createReports = (): Reports => {
  /** The newest last. */
  const reports = new Map<PeerId, RoundReport>()
  let counts = NO_ROUNDS
  let last: RoundReport | undefined
  return {
    add(report) {
      counts = addRound(counts, report)
      if (report.begunBy === 'us' && report.error === undefined) last = report
      reports.delete(report.peer)
      reports.set(report.peer, report)
      const oldest = reports.keys().next()
      if (reports.size > MAX_REPORTED_PEERS && !oldest.done) reports.delete(oldest.value)
    },
    last: () => last,
    all: () => [...reports.values()],
    counts: () => counts,
  }
}
