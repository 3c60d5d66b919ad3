import { formatDuration, formatSize } from '../util/index.ts'
import type { FileBody, VersionBody } from '../api/index.ts'

/** The start of a digest, enough to tell two apart. */
export const shortDigest = (digest: string): string => digest.slice(0, 12)

/** The end of a peer id: the start is the same for all. */
export const shortPeerId = (peerId: string): string =>
  peerId.length > 12 ? `…${peerId.slice(-10)}` : peerId

/** The end of an `ssh-ed25519 AAAA…` line: the start is the same for all. */
export const shortKey = (key: string): string => `…${(key.split(' ')[1] ?? key).slice(-10)}`

/** `2026-01-31 12:00:00` of a time in full. */
export const shortTime = (time: string): string =>
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/.test(time) ? time.slice(0, 19).replace('T', ' ') : time

/** `12 s ago`, `in 3 d`, `just now`: what two clocks say of less than a second means nothing. */
export const relativeTime = (time: string, nowMs: number): string => {
  const atMs = Date.parse(time)
  if (Number.isNaN(atMs)) return time
  if (atMs <= nowMs && nowMs - atMs < 1_000) return 'just now'
  const away = formatDuration(Math.abs(nowMs - atMs))
  return atMs <= nowMs ? `${away} ago` : `in ${away}`
}

/** Size of a version's content, or that it deletes. */
export const showContent = ({ content }: VersionBody): string =>
  content === null ? 'deleted' : formatSize(content.sizeBytes)

/** State of a file, with what needs attention. */
export const showState = ({ state, conflict }: FileBody): string =>
  conflict ? `${state}, conflict` : state
