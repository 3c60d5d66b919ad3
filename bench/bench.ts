/** One measured row: what was measured, its baseline of the same run, and what is to be reached. */
export interface Row {
  readonly what: string
  readonly measured: string
  readonly baseline: string
  /** Measured over baseline, or what else the goal is a bound on. */
  readonly ratio: string
  readonly goal: string
  readonly reached: boolean
  /** Raw figures, for the JSON output. */
  readonly data: Readonly<Record<string, number>>
}

export interface BenchmarkOptions {
  /** Size of large content. */
  readonly bytes: number
  /** Of what is noisy; the median counts. */
  readonly runs: number
}

/** A benchmark makes its rows; `log` is for progress on standard error. */
export type Benchmark = (
  log: (line: string) => void,
  options: BenchmarkOptions,
) => Promise<readonly Row[]>

export const median = (values: readonly number[]): number => percentile(values, 0.5)

/** Nearest-rank percentile. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return (
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ??
    Number.NaN
  )
}
