import { MeshError } from '../errors/index.ts'
import { show } from './show.ts'
import type { Selector } from './selector.ts'
import type { FileName } from './types.ts'

/** Longest part of a name: what file systems take. Keeps a name from failing only when written. */
export const MAX_NAME_PART_BYTES = 255
/** Longest name. Bounds keys of the store, paths and frames. */
export const MAX_NAME_BYTES = 1024
/** First part of the names that the network keys own: certificates, revocations, heartbeat. */
export const RESERVED_PART = '_mesh'

const fault = (text: string): string | undefined => {
  if (text === '') return 'it is empty'
  if (text.length > MAX_NAME_BYTES) return `it is longer than ${MAX_NAME_BYTES} bytes`
  for (const part of text.split('/')) {
    if (part === '') return 'it has an empty part (a "/" at an end, or two in a row)'
    if (part === '.' || part === '..') return `it has a part "${part}"`
    if (part.startsWith('-')) return 'a part begins with "-"'
    if (!/^[A-Za-z0-9_.:-]*$/.test(part)) return 'only A-Z a-z 0-9 _ . : - and / may be in it'
    if (part.length > MAX_NAME_PART_BYTES) {
      return `a part is longer than ${MAX_NAME_PART_BYTES} bytes`
    }
  }
  return undefined
}

/**
 * `text` as the name of a signed file.
 *
 * @throws MeshError `ERR_FILE_NAME_INVALID`
 */
export const parseFileName = (text: string): FileName => {
  const why = fault(text)
  if (why === undefined) return text as FileName
  throw new MeshError('ERR_FILE_NAME_INVALID', `${show(text)} is not a valid file name: ${why}`)
}

/** Whether the name belongs to the network itself rather than to configured signers. */
export const isReservedName = (name: Selector): boolean =>
  name.split('/', 1)[0]?.toLowerCase() === RESERVED_PART

/** Two names that cannot both be files in one directory tree. */
export interface NameClash {
  readonly a: Selector
  readonly b: Selector
  /** `prefix`: `a` would have to be a directory for `b`. `case`: they differ only in case. */
  readonly kind: 'prefix' | 'case'
}

/**
 * Every clash among `names`, in the order of the names; equal names do not clash. A pattern clashes
 * where every name that matches it does.
 */
export const findNameClashes = (names: Iterable<Selector>): NameClash[] => {
  const sorted = [...new Set(names)].sort()
  const clashes: NameClash[] = []
  const seen = new Map<string, Selector>()
  for (const name of sorted) {
    const same = seen.get(name.toLowerCase())
    if (same !== undefined) clashes.push({ a: same, b: name, kind: 'case' })
    else seen.set(name.toLowerCase(), name)
  }
  for (const name of sorted) {
    const parts = name.toLowerCase().split('/')
    for (let count = 1; count < parts.length; count++) {
      // Compared without case, as a file system without case would.
      const shorter = seen.get(parts.slice(0, count).join('/'))
      if (shorter !== undefined) clashes.push({ a: shorter, b: name, kind: 'prefix' })
    }
  }
  return clashes
}
