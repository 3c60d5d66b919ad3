/** What one holder owes us: how much of it may be asked for at once, and how slow it may be. */
import { MAX_PEER_WINDOW_BYTES, MIN_PEER_WINDOW_BYTES, MIN_RATE_BYTES } from '../limits.ts'
import { MIN_RATE_WINDOW_MS, PEER_WINDOW_MS } from '../limits.ts'
import { createMeter } from './meter.ts'
import type { Clock } from '../../util/index.ts'

export interface Owed {
  /** Bytes a second, lately. */
  bytesPerSecond(): number
  /** Bytes that may be asked for now. */
  roomBytes(): number
  /** Nothing is under way. */
  isNothing(): boolean
  /** So many bytes are to come. */
  add(bytes: number): void
  /** So many bytes are not to come any more: they are here, or not wanted. */
  remove(bytes: number): void
  /** The holder is held to a minimum rate from now on, if it is not already. */
  expect(): void
  /** So many bytes have come. */
  came(bytes: number): void
  /** We did not read for so long, which is not the holder's fault. */
  paused(ms: number): void
  /** Called now and then; answers with the bytes that came lately, if they are too few. */
  tooFew(isBusy: boolean): number | undefined
}

export const createOwed = ({ clock }: { clock: Pick<Clock, 'monotonicMs'> }): Owed => {
  const meter = createMeter({ clock })
  let outstandingBytes = 0
  /** Since when the holder owes us bytes, and how many came since. */
  let span: { sinceMs: number; bytes: number } | undefined
  let pausedMs = 0

  const windowBytes = (): number =>
    Math.min(
      Math.max((meter.bytesPerSecond() * PEER_WINDOW_MS) / 1_000, MIN_PEER_WINDOW_BYTES),
      MAX_PEER_WINDOW_BYTES,
    )

  return {
    bytesPerSecond: () => meter.bytesPerSecond(),
    roomBytes: () => windowBytes() - outstandingBytes,
    isNothing: () => outstandingBytes === 0,
    add(bytes) {
      outstandingBytes += bytes
    },
    remove(bytes) {
      outstandingBytes -= bytes
      if (outstandingBytes === 0) span = undefined
    },
    expect() {
      span ??= { sinceMs: clock.monotonicMs(), bytes: 0 }
    },
    came(bytes) {
      meter.add(bytes)
      if (span !== undefined) span.bytes += bytes
    },
    paused(ms) {
      pausedMs += ms
    },
    tooFew(isBusy) {
      if (span === undefined) return undefined
      const nowMs = clock.monotonicMs()
      if (nowMs - span.sinceMs - pausedMs < MIN_RATE_WINDOW_MS) return undefined
      if (span.bytes < MIN_RATE_BYTES && !isBusy) return span.bytes
      span = { sinceMs: nowMs, bytes: 0 }
      pausedMs = 0
      return undefined
    },
  }
}
