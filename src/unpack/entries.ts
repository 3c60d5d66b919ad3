import { MeshError } from '../errors/index.ts'
import { sha256 } from '../util/index.ts'
import { MAX_TREE_DEPTH, MAX_TREE_ENTRIES } from './limits.ts'
import { MAX_TREE_NAME_BYTES, MAX_TREE_PATH_BYTES } from './limits.ts'

export const refused = (why: string): MeshError =>
  new MeshError('ERR_TREE_REFUSED', `the tar is not unpacked: ${why}`)

/** A path as people may see it: whatever it is, on one line and not for ever. */
const show = (path: string): string => JSON.stringify(path.slice(0, 200))

/** What no name may have: control characters, what was no UTF-8, and the other system's separator. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const BAD_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\ufffd\\]/

/** The parts of an entry's path below the tree; empty for the tree itself (`./`). */
export const partsOf = (path: string): string[] => {
  if (Buffer.byteLength(path) > MAX_TREE_PATH_BYTES) {
    throw refused(`${show(path)} is longer than ${MAX_TREE_PATH_BYTES} bytes`)
  }
  if (path.startsWith('/')) throw refused(`${show(path)} is an absolute path`)
  if (BAD_CHARACTERS.test(path)) throw refused(`${show(path)} has characters that no name may have`)
  const parts = path
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/+$/, '')
    .split('/')
  if (parts.length === 1 && (parts[0] === '' || parts[0] === '.')) return []
  for (const part of parts) {
    if (part === '..') throw refused(`${show(path)} leads out of the tree`)
    if (part === '' || part === '.') throw refused(`${show(path)} has an empty part`)
    if (Buffer.byteLength(part) > MAX_TREE_NAME_BYTES) {
      throw refused(`a part of ${show(path)} is longer than ${MAX_TREE_NAME_BYTES} bytes`)
    }
  }
  if (parts.length > MAX_TREE_DEPTH) {
    throw refused(`${show(path)} is deeper than ${MAX_TREE_DEPTH} directories`)
  }
  return parts
}

/**
 * Checks where a symbolic link in the directory `parts.slice(0, -1)` leads. `..` may only come first:
 * from there it climbs real directories. After the name of another link it would climb from wherever
 * that leads. So by induction no chain of links leaves the tree.
 */
export const checkLink = (parts: readonly string[], target: string): void => {
  const path = parts.join('/')
  const what = `the link ${show(path)} to ${show(target)}`
  if (target === '' || Buffer.byteLength(target) > MAX_TREE_PATH_BYTES) {
    throw refused(`${what} is empty or longer than ${MAX_TREE_PATH_BYTES} bytes`)
  }
  if (BAD_CHARACTERS.test(target)) throw refused(`${what} has characters that no name may have`)
  if (target.startsWith('/')) throw refused(`${what} leads out of the tree`)
  const steps = target.split('/').filter((step) => step !== '' && step !== '.')
  const climbs = steps.findIndex((step) => step !== '..')
  const up = climbs === -1 ? steps.length : climbs
  if (up > parts.length - 1) throw refused(`${what} leads out of the tree`)
  if (steps.slice(up).includes('..')) throw refused(`${what} goes down and up again`)
}

type Kind = 'file' | 'link' | 'implied' | 'directory'

/** What was in the tar so far, in a few bytes for each. */
export interface Entries {
  /**
   * Takes one in, with the directories above it.
   *
   * @returns the directories that have to be made first, the outermost first
   * @throws MeshError `ERR_TREE_REFUSED`
   */
  add(parts: readonly string[], kind: Exclude<Kind, 'implied'>): string[]
  readonly count: number
}

/** Names that some file system takes for one. */
const keyOf = (parts: readonly string[]): string =>
  sha256(parts.join('/').normalize('NFC').toLowerCase()).slice(0, 24)

export const createEntries = (): Entries => {
  const kinds = new Map<string, { readonly kind: Kind; readonly exact: string }>()
  const put = (parts: readonly string[], kind: Kind): void => {
    if (kinds.size >= MAX_TREE_ENTRIES)
      throw refused(`it has more than ${MAX_TREE_ENTRIES} entries`)
    kinds.set(keyOf(parts), { kind, exact: sha256(parts.join('/')).slice(0, 24) })
  }
  const find = (parts: readonly string[]): Kind | undefined => {
    const found = kinds.get(keyOf(parts))
    if (found === undefined) return undefined
    if (found.exact === sha256(parts.join('/')).slice(0, 24)) return found.kind
    throw refused(`${show(parts.join('/'))} differs from another entry in case only`)
  }
  return {
    get count() {
      return kinds.size
    },
    add(parts, kind) {
      const missing: string[] = []
      for (let depth = 1; depth < parts.length; depth++) {
        const above = parts.slice(0, depth)
        const found = find(above)
        if (found === 'file' || found === 'link') {
          throw refused(
            `${show(parts.join('/'))} lies below ${show(above.join('/'))}, no directory`,
          )
        }
        if (found !== undefined) continue
        put(above, 'implied')
        missing.push(above.join('/'))
      }
      const found = find(parts)
      if (kind === 'directory' && found === 'implied') {
        kinds.set(keyOf(parts), { kind, exact: sha256(parts.join('/')).slice(0, 24) })
        return missing
      }
      if (found !== undefined) throw refused(`${show(parts.join('/'))} is in it twice`)
      put(parts, kind)
      if (kind === 'directory') missing.push(parts.join('/'))
      return missing
    },
  }
}
