/** Content on its way. */

import { h } from './dom.js'

/** @param {{ fetching: readonly string[] }} model */
export const drawTransfers = ({ fetching }) =>
  fetching.length === 0
    ? [h('p', {}, 'Nothing is being fetched.')]
    : [h('ul', {}, ...fetching.map((name) => h('li', { class: 'name' }, name)))]
