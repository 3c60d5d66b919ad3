/** Content on its way, with who gives and gets it and how fast. */

import { cell, h, table } from './dom.js'
import { peerName, size } from './format.js'

/** @import { ReceivingBody, SendingBody, TransfersBody } from '../../api/index.ts' */

/** More than these are counted only. */
const MAX_ROWS = 50

/** @param {number} bytesPerSecond */
const rate = (bytesPerSecond) => `${size(Math.round(bytesPerSecond))}/s`

/** @param {number} ms */
const left = (ms) =>
  ms < 90_000 ? `${Math.ceil(ms / 1000)} s left` : `${Math.ceil(ms / 60_000)} min left`

/** @param {ReceivingBody} transfer */
const drawReceiving = ({ name, state, doneBytes, totalBytes, bytesPerSecond, leftMs, holders }) => [
  h('th', { class: 'name', scope: 'row' }, name),
  cell(
    h('progress', { max: Math.max(1, totalBytes), value: doneBytes, 'aria-label': `of ${name}` }),
    ` ${size(doneBytes)} of ${size(totalBytes)}`,
    h('div', { class: 'quiet' }, leftMs === null ? state : `${state}, ${left(leftMs)}`),
  ),
  h('td', { class: 'number' }, rate(bytesPerSecond)),
  cell(
    ...(holders.length === 0
      ? ['nobody yet']
      : holders.map((holder) =>
          h('div', {}, `${peerName(holder)} ${size(holder.bytes)}, ${rate(holder.bytesPerSecond)}`),
        )),
  ),
]

/** @param {SendingBody} transfer */
const drawSending = (transfer) => [
  h('th', { class: 'name', scope: 'row' }, transfer.file),
  cell(size(transfer.bytes)),
  h('td', { class: 'number' }, rate(transfer.bytesPerSecond)),
  cell(`to ${peerName(transfer)}`),
]

/**
 * @param {string} caption
 * @param {string} who
 * @param {readonly (readonly Element[])[]} rows
 */
const part = (caption, who, rows) =>
  rows.length === 0
    ? []
    : [
        h('h3', {}, caption),
        table(caption, ['File', 'Done', '#Rate', who], rows.slice(0, MAX_ROWS)),
        rows.length > MAX_ROWS && h('p', { class: 'quiet' }, `and ${rows.length - MAX_ROWS} more`),
      ]

/** @param {TransfersBody} transfers */
export const drawTransfers = ({ receiving, sending }) =>
  receiving.length + sending.length === 0
    ? [h('p', {}, 'Nothing is on its way.')]
    : [
        ...part('Coming in', 'From', receiving.map(drawReceiving)),
        ...part('Going out', 'To', sending.map(drawSending)),
      ]
