/** What one holder owes us: how much of it may be asked for at once, and how slow it may be. */
import { MAX_WINDOW_BYTES, MIN_PEER_WINDOW_BYTES, MIN_RATE_BYTES } from '../limits.ts'
import { MIN_RATE_WINDOW_MS, PEER_WINDOW_MS } from '../limits.ts'
import { createMeter } from './meter.ts'
import type { Clock } from '../../util/index.ts'

/** What all holders together owe us. */
export interface OwedByAll {
  bytes: number
}

export interface Owed {
  /** Bytes a second, lately. */
  bytesPerSecond(): number
  /** Bytes that may be asked for now. */
  roomBytes(): number
  /** Nothing is under way. */
  isNothing(): boolean
  /** So many bytes are to come. */
  add(bytes: number): void
  /** So many bytes are not to come any more: they are here and written, or not wanted. */
  remove(bytes: number): void
  /** Nothing is to come any more. */
  end(): void
  /** The holder is held to a minimum rate from now on, if it is not already. */
  expect(): void
  /** So many bytes have come. */
  came(bytes: number): void
  /** We did not read for so long, which is not the holder's fault. */
  paused(ms: number): void
  /** Called now and then; answers with the bytes that came lately, if they are too few. */
  tooFew(isBusy: boolean): number | undefined
}

export interface OwedInit {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly owedByAll: OwedByAll
}

export const createOwed = ({ clock, owedByAll }: OwedInit): Owed => {
  const meter = createMeter({ clock })
  let outstandingBytes = 0
  /** Since when the holder owes us bytes, and how many came since. */
  let span: { sinceMs: number; bytes: number } | undefined
  let pausedMs = 0
  let ended = false

  const count = (bytes: number): void => {
    if (ended) return
    outstandingBytes += bytes
    owedByAll.bytes += bytes
  }

  return {
    bytesPerSecond: () => meter.bytesPerSecond(),
    roomBytes() {
      const forItsRate = (meter.bytesPerSecond() * PEER_WINDOW_MS) / 1_000 - outstandingBytes
      const ofAll = MAX_WINDOW_BYTES - owedByAll.bytes
      // However much the others owe, each holder is asked for a little: slow ones keep nobody from the rest.
      return Math.max(MIN_PEER_WINDOW_BYTES - outstandingBytes, Math.min(forItsRate, ofAll))
    },
    isNothing: () => outstandingBytes === 0,
    add: count,
    remove(bytes) {
      count(-bytes)
      if (outstandingBytes === 0) span = undefined
    },
    end() {
      count(-outstandingBytes)
      ended = true
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
