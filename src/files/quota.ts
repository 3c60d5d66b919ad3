import type { FileName, NamePattern } from '../statement/index.ts'
import type { Origin } from './types.ts'
import type { Rule } from './rules.ts'

/** A name that has no room, and whose registers have to go. */
export interface Eviction {
  readonly name: FileName
  /** Of the registers, as `ownerOf` says. */
  readonly owner: string
}

/**
 * Counts what signers use under patterns. Each set of signers may have the names that sort first, up
 * to `max_files`; which those are follows from the names alone, so that nodes agree whatever came
 * first, and no signer takes the place of another.
 */
export interface Quota {
  /**
   * Whether a statement of this owner may come in. Uploads are refused when it is full, so that
   * nobody is told 201 of something that pushes out something else.
   */
  hasRoom(rule: Rule, owner: string, name: FileName, from: Origin['kind']): boolean
  /** These owners have the name now. Answers with what is too much. */
  add(rule: Rule, owners: readonly string[], name: FileName): Eviction[]
  /** Nothing is known of the name any more. */
  remove(name: FileName): void
  /** Names in use under the pattern of a rule, by owner; in a namespace by nobody in particular (`''`). */
  uses(rule: Rule): ReadonlyMap<string, readonly FileName[]>
  /** Forgets everything. */
  clear(): void
}

/** Names of one owner under one pattern, sorted. */
type Names = FileName[]

const placeOf = (names: Names, name: FileName): number => {
  let low = 0
  let high = names.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((names[middle] ?? '') < name) low = middle + 1
    else high = middle
  }
  return low
}

/** In a namespace every name has an owner of its own, and `max_files` counts them all. */
const groupOf = ({ authority }: Rule, owner: string): string =>
  authority.certified === undefined ? owner : ''

export const createQuota = (): Quota => {
  const patterns = new Map<NamePattern, Map<string, Names>>()

  const namesOf = ({ pattern, ...rule }: Rule, owner: string): Names => {
    if (pattern === undefined) return []
    const owners = patterns.get(pattern) ?? new Map<string, Names>()
    patterns.set(pattern, owners)
    const group = groupOf(rule, owner)
    const names = owners.get(group) ?? []
    owners.set(group, names)
    return names
  }

  return {
    hasRoom(rule, owner, name, from) {
      const names = namesOf(rule, owner)
      if (names.length < rule.maxFiles || names[placeOf(names, name)] === name) return true
      return from === 'peer' && name < (names.at(-1) ?? '')
    },
    add(rule, owners, name) {
      const evictions: Eviction[] = []
      for (const owner of new Set(owners)) {
        const names = namesOf(rule, owner)
        const at = placeOf(names, name)
        if (names[at] !== name) names.splice(at, 0, name)
        for (const each of names.splice(rule.maxFiles)) {
          evictions.push({ name: each, owner: groupOf(rule, owner) })
        }
      }
      return evictions
    },
    remove(name) {
      for (const owners of patterns.values()) {
        for (const names of owners.values()) {
          const at = placeOf(names, name)
          if (names[at] === name) names.splice(at, 1)
        }
      }
    },
    uses: ({ pattern }) => (pattern && patterns.get(pattern)) ?? new Map(),
    clear: () => patterns.clear(),
  }
}
