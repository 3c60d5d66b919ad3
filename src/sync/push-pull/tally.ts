import type { RoundReport } from './reports.ts'

/** What the rounds since the start came to, whoever began them. */
export interface RoundCounts {
  readonly equal: number
  readonly differed: number
  readonly failed: number
  /** Records that either side lacked, as far as they were found. */
  readonly differences: number
  /** Bytes of frames. */
  readonly sentBytes: number
  readonly receivedBytes: number
}

export type RoundOutcome = 'equal' | 'differed' | 'failed'

export const outcomeOf = ({ equal, error }: RoundReport): RoundOutcome => {
  if (error !== undefined) return 'failed'
  return equal ? 'equal' : 'differed'
}

export const NO_ROUNDS: RoundCounts = {
  equal: 0,
  differed: 0,
  failed: 0,
  differences: 0,
  sentBytes: 0,
  receivedBytes: 0,
}

export const addRound = (counts: RoundCounts, report: RoundReport): RoundCounts => {
  const outcome = outcomeOf(report)
  return {
    ...counts,
    [outcome]: counts[outcome] + 1,
    differences: counts.differences + report.differences,
    sentBytes: counts.sentBytes + report.sentBytes,
    receivedBytes: counts.receivedBytes + report.bytes - report.sentBytes,
  }
}
