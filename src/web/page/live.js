/** The log of events, as they come. */

import { byId, h } from './dom.js'
import { clock, shortPeer } from './format.js'

/** @import { EventBody, GapBody, StreamStartBody } from '../../api/index.ts' */

/** Older ones go. */
const MAX_LINES = 200

/**
 * @param {EventBody | GapBody | StreamStartBody} event
 * @returns {[tone: string, text: string]}
 */
const describe = (event) => {
  switch (event.type) {
    case 'start':
      return ['quiet', 'listening']
    case 'gap':
      return [
        'warn',
        event.missed === null ? 'some events were missed' : `${event.missed} events were missed`,
      ]
    case 'file-refused':
      return ['warn', `${event.name} v${event.version} was refused: ${event.message}`]
    case 'peer-connected':
    case 'peer-gone': {
      const who = event.peerName ?? shortPeer(event.peerId)
      return ['', event.type === 'peer-gone' ? `${who} is gone` : `${who} is connected`]
    }
    case 'health-raised':
      return [
        event.severity === 'error' ? 'bad' : 'warn',
        `${event.code} ${event.subject}: ${event.message}`,
      ]
    case 'health-cleared':
      return ['good', `no longer wrong: ${event.code} ${event.subject}`]
    case 'transfer':
      return ['quiet', `${event.name}: ${event.direction}, ${event.phase}`]
    case 'configuration-reloaded':
      return event.applied
        ? ['', 'a new configuration is in force']
        : ['bad', 'a new configuration was not applied']
    default: {
      if (!event.type.startsWith('file-')) return ['quiet', String(event.type)]
      const version = event.file?.current?.version
      const words = event.type.slice('file-'.length)
      return [
        words === 'conflict' ? 'bad' : '',
        `${event.name}${version === undefined ? '' : ` v${version}`} ${words}`,
      ]
    }
  }
}

/** @param {EventBody | GapBody | StreamStartBody} event */
export const logEvent = (event) => {
  const log = byId('log')
  const [tone, text] = describe(event)
  log.prepend(
    h(
      'li',
      {},
      h('time', { class: 'quiet mono', datetime: event.at }, clock(event.at)),
      ' ',
      h('span', { class: tone }, text),
    ),
  )
  while (log.childElementCount > MAX_LINES) log.lastElementChild?.remove()
}
