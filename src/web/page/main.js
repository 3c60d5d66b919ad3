/** The dashboard: asks the daemon, listens to its events, and shows what it says. */

import { api, Problem, readEvents, token } from './api.js'
import { byId, clean, h, show } from './dom.js'
import { drawFiles } from './files.js'
import { plural, shortPeer } from './format.js'
import { drawGraph, notDrawn } from './graph.js'
import { logEvent } from './live.js'
import { describePeers, MAX_SPREAD_FILES } from './model.js'
import { drawPeers } from './peers.js'
import { drawTransfers } from './transfers.js'

/**
 * @import {
 *   EventBody, FileBody, GapBody, HealthWarningBody, SpreadBody, StreamStartBody
 * } from '../../api/index.ts'
 * @import { Model } from './model.js'
 */

/** Rounds and round trips are told by no event. */
const REFRESH_MS = 5_000
const BUSY_REFRESH_MS = 1_000
/** In case an event was lost in a way that nobody thought of. */
const REREAD_MS = 300_000
/** Many events at once ask once. */
const SOON_MS = 120
/** The daemon gives a sign of life every 15 s. */
const SILENCE_MS = 40_000
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000]
const NOT_TOLD = 'Told only with the token, or on the unix socket.'

/** @type {Model | undefined} */
let model
let filter = ''

/** @param {string} id */
const bodyOf = (id) => {
  const body = byId(id).querySelector('.body')
  if (body === null) throw new Error(`#${id} has no body`)
  return body
}

/** @param {unknown} problem */
const isNotTold = (problem) =>
  problem instanceof Problem && [401, 403, 404].includes(problem.status)

/**
 * What may be asked, or `null` where this listener does not tell it.
 *
 * @template T
 * @param {Promise<T>} asked
 */
const ifTold = (asked) =>
  asked.catch((/** @type {unknown} */ problem) => {
    if (isNotTold(problem)) return null
    throw problem
  })

/** @returns {Promise<SpreadBody>} */
const askSpread = async () => {
  const first = await api.spread(null)
  const files = [...first.files]
  let { next } = first
  while (next !== null && files.length < MAX_SPREAD_FILES) {
    const more = await api.spread(next)
    // Columns may have changed between two answers; the next refresh has them all.
    if (more.peers.some(({ peerId }, index) => peerId !== first.peers[index]?.peerId)) break
    files.push(...more.files)
    next = more.next
  }
  return { ...first, files, next }
}

/**
 * All files, by name: read once, and kept up to date by what events tell of them, since a catalogue
 * may be long.
 */
const files = {
  /** @type {Map<string, FileBody>} */
  byName: new Map(),
  isOld: true,
  readMs: 0,
  /** @param {EventBody | GapBody | StreamStartBody} event */
  take(event) {
    if (event.type === 'start' || event.type === 'gap') this.isOld = true
    if (!('file' in event)) return
    if (event.file === null) this.byName.delete(event.name)
    else this.byName.set(event.name, event.file)
    this.taken++
  },
  taken: 0,
  /** @returns {Promise<readonly FileBody[]>} */
  async get() {
    if (this.isOld || performance.now() - this.readMs > REREAD_MS) {
      const before = this.taken
      this.isOld = false
      const answer = await api.files().catch((/** @type {unknown} */ problem) => {
        this.isOld = true
        throw problem
      })
      this.readMs = performance.now()
      this.byName = new Map(answer.files.map((file) => [file.name, file]))
      // What an event told meanwhile may be newer than the answer.
      if (this.taken !== before) this.isOld = true
    }
    return [...this.byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  },
}

/** @returns {Promise<Model>} */
const ask = async () => {
  const about = await api.status()
  const status = 'startedAt' in about ? about : null
  const isFull = status !== null
  const [health, all, peers, spread, transfers] = await Promise.all([
    api.health(),
    files.get(),
    isFull ? ifTold(api.peers()) : null,
    isFull ? ifTold(askSpread()) : null,
    isFull ? ifTold(api.transfers()) : null,
  ])
  return {
    ...{ about, status, spread, transfers },
    warnings: health.warnings,
    peers: describePeers(peers, spread),
    files: all,
  }
}

/** @param {readonly HealthWarningBody[]} warnings */
const drawHealth = (warnings) =>
  warnings.length === 0
    ? [h('p', { class: 'good' }, 'Nothing is wrong.')]
    : [
        h(
          'ul',
          { class: 'warnings' },
          ...warnings.map(({ code, subject, severity, message }) =>
            h(
              'li',
              { class: severity },
              h('strong', {}, `${severity}: ${code} ${subject}`),
              h('br'),
              message,
            ),
          ),
        ),
      ]

/** @param {Model} model */
const summaryOf = ({ status, warnings, peers, files }) => {
  const conflicts = files.filter(({ conflict }) => conflict).length
  const behind = peers.filter(({ standing }) => standing.text.includes('behind')).length
  return [
    ...(status === null
      ? []
      : [`${status.peersConnected} of ${plural(peers.length, 'known peer')} connected`]),
    ...(behind === 0 ? [] : [`${behind} behind`]),
    plural(files.length, 'file'),
    ...(conflicts === 0 ? [] : [plural(conflicts, 'conflict')]),
    warnings.length === 0 ? 'nothing is wrong' : plural(warnings.length, 'warning'),
  ].join(' · ')
}

const draw = () => {
  if (model === undefined) return
  const { about, status, warnings, peers, files, spread, transfers } = model
  const name = clean(status?.certificate?.name ?? shortPeer(about.peerId))
  byId('node').textContent = name
  byId('network').textContent = clean(about.networkId)
  document.title = warnings.length > 0 ? `(${warnings.length}) ${name} – mesh` : `${name} – mesh`
  const summary = summaryOf(model)
  if (byId('summary').textContent !== summary) byId('summary').textContent = summary
  byId('access').hidden = status !== null
  byId('forget').hidden = token.get() === null
  show(bodyOf('health'), warnings, drawHealth)
  const hidden = () => [h('p', { class: 'quiet' }, NOT_TOLD)]
  show(bodyOf('files'), { files, filter, spread }, drawFiles)
  if (status === null) {
    for (const id of ['graph', 'transfers', 'rounds']) show(bodyOf(id), null, hidden)
    return
  }
  show(bodyOf('graph'), { self: status.certificate?.name ?? 'this node', peers }, (data) => [
    drawGraph(data),
    notDrawn(peers.length) > 0 &&
      h('p', { class: 'quiet' }, `${notDrawn(peers.length)} more are in the table.`),
  ])
  show(bodyOf('transfers'), transfers ?? { receiving: [], sending: [] }, drawTransfers)
  show(bodyOf('rounds'), { peers, rounds: status.sync.rounds }, drawPeers)
}

/** @param {string} text */
const tell = (text) => {
  if (byId('connection').textContent !== text) byId('connection').textContent = text
}

/** One question at a time; what is asked for meanwhile is asked once more after it. */
let asking = false
let askAgain = false

const refresh = async () => {
  if (asking) {
    askAgain = true
    return
  }
  asking = true
  try {
    model = await ask()
    tell('')
    draw()
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401 && token.get() !== null) {
      token.forget()
      byId('token-problem').textContent = problem.message
      askAgain = true
    } else {
      tell(
        `The daemon does not answer (${problem instanceof Error ? problem.message : problem}); what is below may be old.`,
      )
    }
  } finally {
    asking = false
    if (askAgain) {
      askAgain = false
      soon()
    }
  }
}

let isDue = false
const soon = () => {
  if (isDue) return
  isDue = true
  setTimeout(() => {
    isDue = false
    void refresh()
  }, SOON_MS)
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** A stream that is told with another token than the last one begins anew. */
let generation = 0

const listen = async () => {
  const own = ++generation
  /** @type {string | null} */
  let cursor = null
  for (let failures = 0; own === generation; ) {
    try {
      await readEvents({
        cursor,
        silenceMs: SILENCE_MS,
        onEvent(event) {
          if (own !== generation) return
          failures = 0
          cursor = event.cursor
          files.take(event)
          logEvent(event)
          soon()
        },
      })
    } catch (problem) {
      // What the cursor meant may be gone.
      if (problem instanceof Problem) cursor = null
      // Nothing keeps the list up to date meanwhile.
      files.isOld = true
    }
    soon()
    await pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)] ?? 0)
  }
}

byId('filter').addEventListener('input', ({ target }) => {
  filter = target instanceof HTMLInputElement ? target.value : ''
  draw()
})

byId('access').addEventListener('submit', (event) => {
  event.preventDefault()
  const input = byId('token')
  if (!(input instanceof HTMLInputElement)) return
  byId('token-problem').textContent = ''
  token.set(input.value.trim())
  input.value = ''
  void listen()
  soon()
})

byId('forget').addEventListener('click', () => {
  token.forget()
  location.reload()
})

/** Sooner while content is on its way. */
const tick = () => {
  if (document.visibilityState === 'visible') soon()
  const { receiving = [], sending = [] } = model?.transfers ?? {}
  setTimeout(tick, receiving.length + sending.length > 0 ? BUSY_REFRESH_MS : REFRESH_MS)
}
setTimeout(tick, REFRESH_MS)
document.addEventListener('visibilitychange', soon)

void refresh()
void listen()
