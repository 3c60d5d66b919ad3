import { formatSize } from '../util/index.ts'
import type { Context } from './context.ts'

const REDRAW_MS = 100
const BAR_COLUMNS = 24

/** A line that shows how far something is. Shows nothing where nobody is looking. */
export interface Progress {
  update(doneBytes: number): void
  /** Removes the line. */
  end(): void
}

/** One drawing of the line. */
export const formatProgress = (doneBytes: number, totalBytes: number, spentMs: number): string => {
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes)
  const filled = Math.round(share * BAR_COLUMNS)
  const bar = `${'#'.repeat(filled)}${'-'.repeat(BAR_COLUMNS - filled)}`
  const rate = spentMs > 0 ? `${formatSize((doneBytes / spentMs) * 1000)}/s` : ''
  const percent = `${Math.floor(share * 100)}%`.padStart(4)
  return `${bar} ${percent}  ${formatSize(doneBytes)} of ${formatSize(totalBytes)}  ${rate}`.trimEnd()
}

export const createProgress = ({ err, clock }: Context, totalBytes: number): Progress => {
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
      draw(formatProgress(doneBytes, totalBytes, nowMs - startedMs))
    },
    end() {
      if (shown) draw('')
    },
  }
}
