/** The mesh as this node knows it: itself in the middle, its peers around it. */

import { s } from './dom.js'
import { peerName } from './format.js'

/** @import { Peer } from './model.js' */

/** More peers than this are in the table only. */
const MAX_DRAWN = 36
const WIDTH = 560
const HEIGHT = 400
const RADIUS_X = 205
const RADIUS_Y = 140

/** @typedef {{ readonly peer: Peer, readonly x: number, readonly y: number }} Place */

/**
 * @param {readonly Peer[]} peers
 * @returns {Place[]}
 */
const placesOf = (peers) =>
  peers.map((peer, index) => {
    // Half a step on, so that none stands right above or below the name of another.
    const angle = (2 * Math.PI * (index + 0.5)) / peers.length
    return {
      peer,
      x: Math.round(WIDTH / 2 + RADIUS_X * Math.sin(angle)),
      y: Math.round(HEIGHT / 2 - 12 - RADIUS_Y * Math.cos(angle)),
    }
  })

/** @param {Peer} peer */
const lineClass = ({ body }) => {
  const round = body.lastRound
  const outcome =
    round === null ? '' : round.error !== null ? 'failed' : round.equal ? 'same' : 'differed'
  return `${outcome} ${body.neighbour ? 'neighbour' : ''}`
}

/** @param {string} name */
const fit = (name) => (name.length > 18 ? `${name.slice(0, 17)}…` : name)

/**
 * Connections between others, as they told of them.
 *
 * @param {readonly Place[]} places
 */
const toldLines = (places) => {
  const at = new Map(places.map((place) => [place.peer.body.peerId, place]))
  const drawn = new Set()
  return places.flatMap((from) =>
    (from.peer.body.told ?? []).flatMap((peerId) => {
      const to = at.get(peerId)
      const key = [from.peer.body.peerId, peerId].sort().join(' ')
      // One that is away is connected to nobody that we know of.
      if (to === undefined || !to.peer.body.connected || drawn.has(key)) return []
      drawn.add(key)
      return [s('line', { class: 'told', x1: from.x, y1: from.y, x2: to.x, y2: to.y })]
    }),
  )
}

/**
 * @param {string} group
 * @param {{ x: number, y: number, r: number, name: string, note: string }} node
 */
const nodeOf = (group, { x, y, r, name, note }) =>
  s(
    'g',
    { class: group },
    s('title', {}, `${name}: ${note}`),
    s('circle', { cx: x, cy: y, r }),
    s('text', { x, y: y + r + 14 }, fit(name)),
    s('text', { class: 'note', x, y: y + r + 28 }, note),
  )

/** @param {{ self: string, peers: readonly Peer[] }} mesh */
export const drawGraph = ({ self, peers }) => {
  const places = placesOf(peers.slice(0, MAX_DRAWN))
  const connected = peers.filter(({ body }) => body.connected).length
  const [x, y] = [WIDTH / 2, HEIGHT / 2 - 12]
  return s(
    'svg',
    {
      class: 'mesh',
      role: 'img',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      'aria-label': `${self} is connected to ${connected} of ${peers.length} known peers; the table of peers says the same in words`,
    },
    ...toldLines(places),
    ...places
      .filter(({ peer }) => peer.body.connected)
      .map((place) =>
        s('line', { class: lineClass(place.peer), x1: x, y1: y, x2: place.x, y2: place.y }),
      ),
    ...places.map(({ peer, ...at }) =>
      nodeOf(`${peer.standing.tone} ${peer.body.connected ? '' : 'away'}`, {
        ...at,
        r: 11,
        name: peerName(peer.body),
        note: peer.standing.text,
      }),
    ),
    nodeOf('self', { x, y, r: 15, name: self, note: 'this node' }),
  )
}

/** @param {number} count */
export const notDrawn = (count) => Math.max(0, count - MAX_DRAWN)
