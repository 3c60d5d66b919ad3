import { MeshError } from '../errors/index.ts'
import { parseFileName } from './file-name.ts'
import { show } from './show.ts'
import type { FileName } from './types.ts'

/**
 * Names by what they begin with: a prefix and `*`, as `certs/*` or `certs/web-*`. The star stands
 * for one or more characters other than `/`, so that of two names that match, none can be the
 * directory of the other.
 */
export type NamePattern = string & { readonly namePattern: unique symbol }

/** What a node is configured for: one name, or all that match a pattern. */
export type Selector = FileName | NamePattern

const STAR = '*'

/** Whether a selector is a pattern. */
export const isPattern = (selector: Selector): selector is NamePattern => selector.endsWith(STAR)

/** Everything of a pattern before its star. */
export const prefixOf = (pattern: NamePattern): string => pattern.slice(0, -STAR.length)

/**
 * `text` as a pattern.
 *
 * @throws MeshError `ERR_FILE_NAME_INVALID`
 */
export const parsePattern = (text: string): NamePattern => {
  const malformed = (why: string): MeshError =>
    new MeshError('ERR_FILE_NAME_INVALID', `${show(text)} is not a valid pattern: ${why}`)
  if (!text.endsWith(STAR)) throw malformed('"*" may stand at the end only')
  const prefix = text.slice(0, -STAR.length)
  if (prefix.includes(STAR)) throw malformed('"*" may stand once, at the end')
  if (prefix === '') throw malformed('something has to stand before "*"')
  // Whatever the star stands for, the shortest name that matches has to be one.
  parseFileName(`${prefix}x`)
  return text as NamePattern
}

/**
 * `text` as a name or, if it ends in `*`, as a pattern.
 *
 * @throws MeshError `ERR_FILE_NAME_INVALID`
 */
export const parseSelector = (text: string): Selector =>
  text.endsWith(STAR) ? parsePattern(text) : parseFileName(text)

const sharedPart = (prefix: string): string => prefix.slice(0, prefix.lastIndexOf('/') + 1)

/** Many selectors, made ready for asking. */
export interface Selection {
  /** Whether any of them selects this name. */
  has(name: string): boolean
  /** The most specific one that does: the name itself, else the pattern with the longest prefix. */
  find(name: string): Selector | undefined
}

/**
 * Asks each name against all selectors in time that depends on the length of the name alone.
 *
 * A name is left out of a pattern where it would have to be a directory for another selector: with
 * `certs/*` and `certs/web/index`, nothing can be the file `certs/web`.
 */
export const createSelection = (selectors: Iterable<Selector>): Selection => {
  const names = new Map<string, Selector>()
  const patterns = new Map<string, NamePattern>()
  const directories = new Set<string>()
  for (const selector of selectors) {
    if (isPattern(selector)) patterns.set(prefixOf(selector), selector)
    else names.set(selector, selector)
    const parts = selector.split('/').slice(0, -1)
    for (let count = 1; count <= parts.length; count++) {
      directories.add(parts.slice(0, count).join('/'))
    }
  }
  // Most nodes have none or few patterns: only prefixes of these lengths are tried.
  const lengths = [...new Set([...patterns.keys()].map(({ length }) => length))].sort(
    (a, b) => b - a,
  )
  const find = (name: string): Selector | undefined => {
    const exact = names.get(name)
    if (exact !== undefined) return exact
    if (lengths.length === 0 || directories.has(name)) return undefined
    const shared = sharedPart(name).length
    for (const length of lengths) {
      if (length >= name.length) continue
      // The star never stands for a "/".
      if (length < shared) return undefined
      const pattern = patterns.get(name.slice(0, length))
      if (pattern !== undefined) return pattern
    }
    return undefined
  }
  return { has: (name) => find(name) !== undefined, find }
}
