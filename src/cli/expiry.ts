import { MeshError } from '../errors/index.ts'
import { parseDuration, parseTimestamp } from '../util/index.ts'
import type { Timestamp } from '../util/index.ts'

/** Last instant that has a spelling. */
const MAX_TIME_MS = 253_402_300_799_999

/** A clock's milliseconds as a time; `undefined` outside the years 0000 to 9999. */
export const toTimestamp = (timeMs: number): Timestamp | undefined =>
  timeMs >= 0 && timeMs <= MAX_TIME_MS ? parseTimestamp(new Date(timeMs).toISOString()) : undefined

/** `2026-12-31` and `2026-12-31T12:00:00Z` in full. */
const inFull = (text: string): string => {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return `${text}T00:00:00.000Z`
  return text.replace(/^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})Z$/, '$1.000Z')
}

/**
 * When something ends: `365d` from now, a date, or a time in UTC.
 *
 * @throws MeshError `ERR_USAGE`
 */
export const parseExpiry = (text: string, nowMs: number): Timestamp => {
  const durationMs = parseDuration(text)
  const time =
    durationMs === undefined ? parseTimestamp(inFull(text)) : toTimestamp(nowMs + durationMs)
  if (time === undefined) {
    const message = `${JSON.stringify(text)} is no time; write 365d, 12h, 2027-01-31 or 2027-01-31T12:00:00Z`
    throw new MeshError('ERR_USAGE', message)
  }
  if (time > nowMs) return time
  throw new MeshError('ERR_USAGE', `${JSON.stringify(text)} is not a time to come`)
}

/**
 * A moment that has been: `now`, a date, or a time in UTC.
 *
 * @throws MeshError `ERR_USAGE`
 */
export const parseMoment = (text: string, nowMs: number): Timestamp => {
  const time = text === 'now' ? toTimestamp(nowMs) : parseTimestamp(inFull(text))
  if (time !== undefined && time <= nowMs) return time
  const message = `${JSON.stringify(text)} is no time that has been; write now, 2026-01-31 or 2026-01-31T12:00:00Z`
  throw new MeshError('ERR_USAGE', message)
}
