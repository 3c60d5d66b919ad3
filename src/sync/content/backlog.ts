import type { Collection } from '../collection.ts'

/** A name whose content is missing, and how often it was looked for in vain. */
export interface Waiting {
  readonly collection: Collection
  readonly name: string
  readonly failures: number
}

/** Missing content that waits for its turn to be looked for: by name only, in the order it came. */
export interface Backlog {
  readonly size: number
  add(waiting: Waiting): void
  /** Answers whether it was there. */
  delete(collection: Collection, name: string): boolean
  has(collection: Collection, name: string): boolean
  /** The one that has waited longest. */
  take(): Waiting | undefined
  clear(): void
}

export const createBacklog = (): Backlog => {
  // One map for each collection: a key of both would be one more text for each name.
  const waiting = new Map<Collection, Map<string, number>>()
  let size = 0

  const remove = (collection: Collection, name: string): boolean => {
    if (waiting.get(collection)?.delete(name) !== true) return false
    size--
    return true
  }

  return {
    get size() {
      return size
    },
    add({ collection, name, failures }) {
      remove(collection, name)
      const names = waiting.get(collection) ?? new Map<string, number>()
      waiting.set(collection, names.set(name, failures))
      size++
    },
    delete: remove,
    has: (collection, name) => waiting.get(collection)?.has(name) === true,
    take() {
      for (const [collection, names] of waiting) {
        for (const [name, failures] of names) {
          remove(collection, name)
          return { collection, name, failures }
        }
      }
      return undefined
    },
    clear() {
      waiting.clear()
      size = 0
    },
  }
}
