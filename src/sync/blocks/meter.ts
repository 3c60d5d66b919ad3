import type { Clock } from '../../util/index.ts'

/** Counts bytes, and how many a second they were lately. */
export interface Meter {
  readonly bytes: number
  add(bytes: number): void
  bytesPerSecond(): number
}

const SECOND_MS = 1_000
/** Seconds that the rate is taken over. */
const WINDOW = 5

export const createMeter = ({ clock }: { clock: Pick<Clock, 'monotonicMs'> }): Meter => {
  const startMs = clock.monotonicMs()
  /** Bytes of each of the last seconds. */
  const seconds: number[] = Array.from({ length: WINDOW + 1 }, () => 0)
  let bytes = 0
  let current = 0

  const advance = (): number => {
    const elapsedMs = clock.monotonicMs() - startMs
    const second = Math.floor(elapsedMs / SECOND_MS)
    for (let passed = Math.min(second - current, seconds.length); passed > 0; passed--) {
      seconds.pop()
      seconds.unshift(0)
    }
    current = second
    return elapsedMs
  }

  return {
    get bytes() {
      return bytes
    },
    add(count) {
      advance()
      bytes += count
      seconds[0] = (seconds[0] ?? 0) + count
    },
    bytesPerSecond() {
      const elapsedMs = advance()
      const spanMs = Math.min(elapsedMs, WINDOW * SECOND_MS + (elapsedMs % SECOND_MS))
      const sum = seconds.reduce((total, each) => total + each, 0)
      return spanMs <= 0 ? 0 : Math.round((sum * SECOND_MS) / Math.max(spanMs, 100))
    },
  }
}
