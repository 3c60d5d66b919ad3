import { formatSize } from '../util/index.ts'
import type { Context } from './context.ts'

const REDRAW_MS = 100
const BAR_COLUMNS = 24
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** A line that shows how far something is. Shows nothing where nobody is looking. */
export interface Progress {
  update(doneBytes: number): void
  /** Removes the line. */
  end(): void
}

/** `"12 MiB/s"`; nothing for nothing. */
export const formatRate = (bytesPerSecond: number): string =>
  bytesPerSecond > 0 ? `${formatSize(bytesPerSecond)}/s` : ''

/** `"45 s left"`, as exact as such an estimate is. */
export const formatTimeLeft = (leftMs: number): string => {
  const count = (unitMs: number): number => Math.max(1, Math.round(leftMs / unitMs))
  if (leftMs < 90 * SECOND_MS) return `${count(SECOND_MS)} s left`
  if (leftMs < 90 * MINUTE_MS) return `${count(MINUTE_MS)} min left`
  return `${count(HOUR_MS)} h left`
}

/** One drawing of the line. */
export const formatProgress = (doneBytes: number, totalBytes: number, spentMs: number): string => {
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes)
  const filled = Math.round(share * BAR_COLUMNS)
  const bar = `${'#'.repeat(filled)}${'-'.repeat(BAR_COLUMNS - filled)}`
  const percent = `${Math.floor(share * 100)}%`.padStart(4)
  const perMs = spentMs > 0 ? doneBytes / spentMs : 0
  const left = perMs > 0 && share < 1 ? formatTimeLeft((totalBytes - doneBytes) / perMs) : ''
  const size = `${formatSize(doneBytes)} of ${formatSize(totalBytes)}`
  return [`${bar} ${percent}`, size, formatRate(perMs * SECOND_MS), left]
    .filter((part) => part !== '')
    .join('  ')
}

/** `doing`: what is done, put before the line. */
export const createProgress = (
  { err, clock }: Pick<Context, 'err' | 'clock'>,
  totalBytes: number,
  doing = '',
): Progress => {
  if (!err.interactive) return { update: () => {}, end: () => {} }
  const startedMs = clock.monotonicMs()
  let drawnMs = Number.NEGATIVE_INFINITY
  let shown = false
  // Not awaited: a terminal that is slow to draw must not slow the upload.
  const draw = (text: string): void => void err.write(`\r\x1b[2K${text}`)
  return {
    update(doneBytes) {
      const nowMs = clock.monotonicMs()
      if (nowMs - drawnMs < REDRAW_MS) return
      drawnMs = nowMs
      shown = true
      const line = formatProgress(doneBytes, totalBytes, nowMs - startedMs)
      draw(doing === '' ? line : `${doing}  ${line}`)
    },
    end() {
      if (shown) draw('')
    },
  }
}
