/** Files by node and version, and all that is known of one of them. */

import { api } from './api.js'
import { byId, cell, clean, h, show, table } from './dom.js'
import { clock, peerName, plural, shortKey, size } from './format.js'
import { describeHas } from './model.js'

/**
 * @import { ExplainBody, FileBody, HistoryBody, SpreadBody } from '../../api/index.ts'
 * @import { Standing } from './model.js'
 */

/** More rows than this are found by the filter. */
const MAX_ROWS = 200
/** With more peers than this there is one column about all of them. */
const MAX_COLUMNS = 8

/** @type {Readonly<Record<FileBody['state'], Standing>>} */
const STATES = {
  shown: { tone: 'good', text: 'shown' },
  missing: { tone: 'warn', text: 'content is missing' },
  'too-large': { tone: 'warn', text: 'too large for this node' },
  'too-old': { tone: 'warn', text: 'older than allowed here' },
  deleted: { tone: 'plain', text: 'deleted' },
  expired: { tone: 'warn', text: 'expired' },
  none: { tone: 'plain', text: 'not published' },
}

/** @param {Standing} standing */
const mark = ({ tone, text }) => h('span', { class: `mark ${tone}` }, text)

/** @typedef {SpreadBody['files'][number]} SpreadFile */

/**
 * @param {SpreadBody} spread
 * @param {SpreadFile | undefined} row
 */
const summaryOf = (spread, row) => {
  if (row === undefined) return cell('not asked')
  const count = (/** @type {string} */ has) => row.peers.filter((each) => each.has === has).length
  const late = spread.peers.filter((peer, index) => {
    const has = row.peers[index]?.has
    return has === 'refuses' || has === 'other' || (has === 'before' && !peer.connected)
  })
  const names = late.slice(0, 3).map(peerName)
  const more = late.length > 3 ? ` and ${late.length - 3} more` : ''
  return cell(
    mark({ tone: 'good', text: `${count('same')} the same` }),
    late.length > 0 && mark({ tone: 'warn', text: `behind: ${names.join(', ')}${more}` }),
  )
}

/**
 * @param {FileBody} file
 * @param {SpreadBody | null} spread
 * @param {SpreadFile | undefined} row
 */
const drawRow = (file, spread, row) => {
  const { name, state, current, conflict, shownAt } = file
  const open = () => void openDetail(name)
  return [
    h(
      'th',
      { class: 'name', scope: 'row' },
      h('button', { class: 'plain', type: 'button', 'data-key': name, click: open }, name),
    ),
    h('td', { class: 'number' }, current === null ? '–' : `v${current.version}`),
    cell(mark(STATES[state]), conflict && mark({ tone: 'bad', text: 'conflict' })),
    h('td', { class: 'number' }, current?.content ? size(current.content.sizeBytes) : '–'),
    cell(clock(shownAt)),
    ...(spread === null
      ? []
      : spread.peers.length > MAX_COLUMNS
        ? [summaryOf(spread, row)]
        : spread.peers.map((peer, index) =>
            cell(
              row === undefined
                ? 'not asked'
                : mark(
                    describeHas(row.peers[index], {
                      connected: peer.connected,
                      current: row.version,
                    }),
                  ),
            ),
          )),
  ]
}

/**
 * @param {{
 *   files: readonly FileBody[], filter: string, spread: SpreadBody | null,
 * }} model
 */
export const drawFiles = ({ files, filter, spread }) => {
  const fits = files.filter(({ name }) => name.includes(filter))
  const rows = new Map(spread?.files.map((row) => [row.name, row]))
  if (files.length === 0) return [h('p', {}, 'No file is configured here, or none may be shown.')]
  const peers =
    spread === null
      ? []
      : spread.peers.length > MAX_COLUMNS
        ? ['Peers']
        : spread.peers.map((peer) => `${peerName(peer)}${peer.connected ? '' : ' (away)'}`)
  return [
    table(
      'Files with the version that is here, and what peers are known to have',
      ['Name', '#Version', 'State here', '#Size', 'Shown since', ...peers],
      fits.slice(0, MAX_ROWS).map((file) => drawRow(file, spread, rows.get(file.name))),
    ),
    fits.length > MAX_ROWS &&
      h(
        'p',
        { class: 'quiet' },
        `${plural(fits.length - MAX_ROWS, 'more file')}; the filter finds them.`,
      ),
  ]
}

/** @param {HistoryBody} history */
const drawHistory = ({ versions }) =>
  versions.length === 0
    ? h('p', {}, 'Nothing was published.')
    : table(
        'Versions that this node has seen',
        ['Version', 'Signed at', 'By', 'Content', ''],
        versions.map((each) => [
          cell(`v${each.version}`),
          cell(clock(each.time)),
          cell(
            h(
              'span',
              { class: 'mono', title: each.signers.join('\n') },
              each.signers.map(shortKey).join(' '),
            ),
          ),
          cell(
            each.content === null
              ? 'deleted'
              : `${size(each.content.sizeBytes)}, ${each.content.sha256.slice(0, 12)}…`,
          ),
          cell(
            each.wins && mark({ tone: 'good', text: 'counts' }),
            each.conflict && mark({ tone: 'bad', text: 'conflict' }),
            each.contentHere && !each.wins && mark({ tone: 'plain', text: 'content is here' }),
          ),
        ]),
      )

/** @param {ExplainBody} explained */
const drawExplanation = ({ answer, reasons, next, refusals }) => [
  h('p', {}, answer),
  h('ul', {}, ...reasons.map(({ message }) => h('li', {}, message))),
  next.length > 0 && h('p', {}, 'What to do:'),
  h('ul', {}, ...next.map((each) => h('li', {}, each))),
  refusals.length > 0 && h('p', {}, 'Refused lately:'),
  h(
    'ul',
    {},
    ...refusals.map(({ version, message, at }) =>
      h('li', {}, `${clock(at)} v${version}: ${message}`),
    ),
  ),
]

/** The file whose detail was asked for last. */
let opened = ''

/**
 * Shows all that is known of one file, over the page.
 *
 * @param {string} name
 */
const openDetail = async (name) => {
  opened = name
  const dialog = byId('detail')
  if (!(dialog instanceof HTMLDialogElement)) return
  const body = dialog.querySelector('.body')
  if (body === null) return
  byId('detail-title').textContent = clean(name)
  show(body, ['asking', name], () => [h('p', {}, 'Asking …')])
  dialog.showModal()
  const [history, explained] = await Promise.allSettled([api.history(name), api.explain(name)])
  // Another one may have been opened meanwhile.
  if (opened !== name) return
  show(body, [history, explained], () => [
    ...(explained.status === 'fulfilled'
      ? drawExplanation(explained.value)
      : [h('p', { class: 'quiet' }, String(explained.reason?.message ?? 'not told'))]),
    history.status === 'fulfilled'
      ? drawHistory(history.value)
      : h('p', { class: 'quiet' }, String(history.reason?.message ?? 'not told')),
  ])
}
