/** What the answers of the daemon come to, put together for the page. */

/**
 * @import {
 *   FileBody, HealthWarningBody, PeerBody, PeersBody, PeerVersionBody, PublicStatusBody,
 *   SpreadBody, StatusBody, TransfersBody
 * } from '../../api/index.ts'
 */

/** Files whose spread is asked for; of others the page says that it was not asked. */
export const MAX_SPREAD_FILES = 1_000

/**
 * @typedef {object} Standing
 * @property {'good' | 'warn' | 'bad' | 'plain'} tone
 * @property {string} text
 */

/**
 * @typedef {object} Peer
 * @property {PeerBody} body
 * @property {Standing} standing
 */

/**
 * @typedef {object} Model
 * @property {StatusBody | null} status `null`: it is not told here
 * @property {PublicStatusBody} about
 * @property {readonly HealthWarningBody[]} warnings
 * @property {readonly Peer[]} peers
 * @property {readonly FileBody[]} files
 * @property {SpreadBody | null} spread
 * @property {TransfersBody | null} transfers
 */

/**
 * Of how many files a peer is known not to have what is here.
 *
 * @param {SpreadBody | null} spread
 * @param {string} peerId
 */
const lacking = (spread, peerId) => {
  const column = spread?.peers.findIndex((peer) => peer.peerId === peerId) ?? -1
  const found = { before: 0, refuses: 0, other: 0 }
  for (const { peers } of spread?.files ?? []) {
    const has = peers[column]?.has
    if (has === 'before' || has === 'refuses' || has === 'other') found[has]++
  }
  return found
}

/**
 * How it stands with one peer, in a word or two: what is wrong first.
 *
 * @param {PeerBody} peer
 * @param {SpreadBody | null} spread
 * @returns {Standing}
 */
const standingOf = (peer, spread) => {
  const { before, refuses, other } = lacking(spread, peer.peerId)
  if (peer.revokedAt !== null) return { tone: 'bad', text: 'revoked' }
  if (peer.faults.length > 0) return { tone: 'bad', text: 'broke the rules' }
  if (!peer.connected) {
    const behind = before + refuses
    return { tone: 'warn', text: behind > 0 ? `away, behind on ${behind}` : 'away' }
  }
  if (refuses > 0) return { tone: 'warn', text: `behind on ${refuses}` }
  if (other > 0) return { tone: 'warn', text: `differs on ${other}` }
  if (peer.lastRound?.error != null) return { tone: 'bad', text: 'last round failed' }
  if (before > 0) return { tone: 'plain', text: `${before} not compared yet` }
  if (peer.lastRound === null) return { tone: 'plain', text: 'not compared yet' }
  return { tone: 'good', text: 'in step' }
}

/**
 * @param {PeersBody | null} peers
 * @param {SpreadBody | null} spread
 * @returns {Peer[]}
 */
export const describePeers = (peers, spread) =>
  (peers?.peers ?? [])
    .map((body) => ({ body, standing: standingOf(body, spread) }))
    .sort(
      (a, b) =>
        Number(b.body.connected) - Number(a.body.connected) ||
        (a.body.name ?? '~').localeCompare(b.body.name ?? '~') ||
        a.body.peerId.localeCompare(b.body.peerId),
    )

/**
 * What one peer has of a file, in words.
 *
 * @param {PeerVersionBody | undefined} has
 * @param {{ connected: boolean, current: number | null }} about
 * @returns {Standing}
 */
export const describeHas = (has, { connected, current }) => {
  const version = has?.version == null ? 'an older one' : `v${has.version}`
  switch (has?.has) {
    case 'same':
      return current === null ? { tone: 'plain', text: '–' } : { tone: 'good', text: version }
    case 'before':
      return connected
        ? { tone: 'plain', text: `${version} before, not compared yet` }
        : { tone: 'warn', text: `${version} when last seen` }
    case 'refuses':
      return { tone: 'warn', text: `does not take v${current}` }
    case 'other':
      return { tone: 'warn', text: 'keeps one not taken here' }
    case 'unwanted':
      return { tone: 'plain', text: 'not configured' }
    default:
      return { tone: 'plain', text: 'not known' }
  }
}
