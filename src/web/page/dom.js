/**
 * The one way in which this page makes elements. Text goes in as text, and attributes by a short list
 * that holds nothing which could run or load anything: names, signers and messages come from others.
 */

/** @typedef {Node | string | number | null | undefined | false} Child */

const ATTRIBUTES = new Set([
  ...[
    'class',
    'id',
    'title',
    'role',
    'scope',
    'type',
    'colspan',
    'datetime',
    'max',
    'value',
    'tabindex',
  ],
  ...['aria-label', 'aria-labelledby', 'aria-live', 'data-key', 'viewBox', 'x', 'y', 'x1', 'y1'],
  ...['x2', 'y2', 'cx', 'cy', 'r', 'lang'],
])

/** Controls, and what turns the direction of writing: with them a name could look like another one. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * A text in which everything can be seen.
 *
 * @param {string} text
 */
export const clean = (text) => text.replaceAll(UNSEEN, '\ufffd')

/**
 * @param {Element} element
 * @param {Readonly<Record<string, string | number | (() => void) | undefined>>} attributes
 * @param {readonly Child[]} children
 */
const fill = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue
    if (typeof value === 'function') element.addEventListener(name, value)
    else if (ATTRIBUTES.has(name)) element.setAttribute(name, clean(String(value)))
    else throw new TypeError(`no attribute ${name} is set here`)
  }
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue
    element.append(child instanceof Node ? child : clean(String(child)))
  }
}

/**
 * An element of HTML; a function among the attributes listens to the event of that name.
 *
 * @param {string} tag
 * @param {Readonly<Record<string, string | number | (() => void) | undefined>>} attributes
 * @param {...Child} children
 */
export const h = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag)
  fill(element, attributes, children)
  return element
}

/**
 * The same for SVG.
 *
 * @param {string} tag
 * @param {Readonly<Record<string, string | number | undefined>>} attributes
 * @param {...Child} children
 */
export const s = (tag, attributes = {}, ...children) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  fill(element, attributes, children)
  return element
}

/** @param {string} id */
export const byId = (id) => {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return element
}

/** @type {WeakMap<Element, string>} */
const drawn = new WeakMap()

/**
 * Draws what `data` says into an element, unless that is what it shows already: whoever reads, selects
 * or has the focus there is not disturbed. The focus comes back to what has the same `data-key`.
 *
 * @template T
 * @param {Element} element
 * @param {T} data
 * @param {(data: T) => readonly Child[]} draw
 */
export const show = (element, data, draw) => {
  const key = JSON.stringify(data)
  if (drawn.get(element) === key) return
  drawn.set(element, key)
  const active = document.activeElement
  const focus = active !== null && element.contains(active) ? active.getAttribute('data-key') : null
  element.replaceChildren()
  fill(element, {}, draw(data))
  if (focus === null) return
  for (const each of element.querySelectorAll('[data-key]')) {
    if (each instanceof HTMLElement && each.getAttribute('data-key') === focus) each.focus()
  }
}

/** @param {string} title */
const titleOf = (title) =>
  title.startsWith('#')
    ? h('th', { scope: 'col', class: 'number' }, title.slice(1))
    : h('th', { scope: 'col' }, title)

/**
 * A table with a caption for those who do not see it. Titles that begin with `#` stand above numbers.
 *
 * @param {string} caption
 * @param {readonly string[]} titles
 * @param {readonly (readonly Element[])[]} rows
 */
export const table = (caption, titles, rows) =>
  h(
    'table',
    {},
    h('caption', { class: 'hidden' }, caption),
    h('thead', {}, h('tr', {}, ...titles.map(titleOf))),
    h('tbody', {}, ...rows.map((cells) => h('tr', {}, ...cells))),
  )

/** @param {readonly Child[]} children */
export const cell = (...children) => h('td', {}, ...children)
