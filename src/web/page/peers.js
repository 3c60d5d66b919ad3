/** Peers in words, and what sync rounds with them came to. */

import { cell, h, table } from './dom.js'
import { clock, peerName, plural, shortPeer, size } from './format.js'

/**
 * @import { RoundBody, StatusBody } from '../../api/index.ts'
 * @import { Peer } from './model.js'
 */

/** @param {RoundBody | null} round */
const drawRound = (round) => {
  if (round === null) return [cell('–'), cell('–'), cell('–'), cell('–')]
  const { at, begunBy, equal, differences, received, sent, bytes, error } = round
  const outcome = equal
    ? 'equal'
    : `${plural(differences, 'difference')}, ${received} in, ${sent} out`
  return [
    cell(`${clock(at)} (${begunBy === 'us' ? 'ours' : 'theirs'})`),
    cell(error === null ? outcome : h('span', { class: 'bad' }, `failed: ${error}`)),
    h('td', { class: 'number' }, differences),
    h('td', { class: 'number' }, size(bytes)),
  ]
}

/** @param {Peer} peer */
const drawPeer = ({ body, standing }) => [
  h('th', { class: 'name', scope: 'row', title: body.peerId }, peerName(body)),
  cell(h('span', { class: 'mono' }, shortPeer(body.peerId))),
  cell(
    h('span', { class: `mark ${standing.tone}` }, standing.text),
    body.neighbour && ' neighbour',
    !body.connected && body.lastError !== null && h('div', { class: 'quiet' }, body.lastError),
    body.faults.length > 0 &&
      h(
        'div',
        { class: 'bad' },
        body.faults.map(({ code, count }) => `${code} ${count}`).join(', '),
      ),
  ),
  h(
    'td',
    { class: 'number' },
    body.roundTripMs === null ? '–' : `${body.roundTripMs.toFixed(1)} ms`,
  ),
  ...drawRound(body.lastRound),
]

/** @param {{ peers: readonly Peer[], rounds: StatusBody['sync']['rounds'] }} model */
export const drawPeers = ({ peers, rounds }) => {
  const { equal, differed, failed, differences, sentBytes, receivedBytes } = rounds
  return [
    h(
      'p',
      {},
      `${plural(equal + differed + failed, 'round')} since the start: ${equal} equal, ${differed} differed, ${failed} failed; `,
      `${plural(differences, 'difference')}, ${size(sentBytes)} sent, ${size(receivedBytes)} received.`,
    ),
    peers.length === 0
      ? h('p', {}, 'No peer is known.')
      : table(
          'Peers and the last sync round with each',
          ['Peer', 'Id', 'State', '#Round trip', 'Last round', 'Came to', '#Differences', '#Bytes'],
          peers.map(drawPeer),
        ),
  ]
}
