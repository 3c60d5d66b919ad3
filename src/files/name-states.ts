import type { FileName } from '../statement/index.ts'
import type { FileState } from './types.ts'

/**
 * In which state each name of which something is known is. What is asked of all of them at once is kept
 * as they change: a pattern may match a million names, and status and metrics ask every few seconds.
 */
export interface NameStates {
  set(name: FileName, state: FileState): void
  /** `none` for a name of which nothing is known. */
  get(name: FileName): FileState
  has(name: FileName): boolean
  delete(name: FileName): void
  /** In no order. */
  keys(): Iterable<FileName>
  counts(): Record<FileState, number>
  /** The known names and these others, each once, in order; the same array until a name joins or leaves. */
  sortedWith(others: readonly FileName[]): readonly FileName[]
}

export const createNameStates = (): NameStates => {
  const states = new Map<FileName, FileState>()
  const counts: Record<FileState, number> = {
    shown: 0,
    missing: 0,
    'too-large': 0,
    'too-old': 0,
    deleted: 0,
    expired: 0,
    none: 0,
  }
  let sorted: { others: readonly FileName[]; names: readonly FileName[] } | undefined
  return {
    set(name, state) {
      const before = states.get(name)
      if (before === undefined) sorted = undefined
      else counts[before]--
      counts[state]++
      states.set(name, state)
    },
    get: (name) => states.get(name) ?? 'none',
    has: (name) => states.has(name),
    delete(name) {
      const before = states.get(name)
      if (before === undefined) return
      counts[before]--
      sorted = undefined
      states.delete(name)
    },
    keys: () => states.keys(),
    counts: () => ({ ...counts }),
    sortedWith(others) {
      if (sorted?.others !== others) {
        sorted = { others, names: [...new Set([...others, ...states.keys()])].sort() }
      }
      return sorted.names
    },
  }
}
