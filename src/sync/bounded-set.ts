/** A set that forgets what was longest not asked for. */
export interface BoundedSet<T> {
  /** Whether it is in; counts as use. */
  has(item: T): boolean
  add(item: T): void
  readonly size: number
}

export const createBoundedSet = <T>(maxItems: number): BoundedSet<T> => {
  const items = new Set<T>()
  const touch = (item: T): void => {
    items.delete(item)
    items.add(item)
  }
  return {
    has(item) {
      if (!items.has(item)) return false
      touch(item)
      return true
    },
    add(item) {
      touch(item)
      if (items.size <= maxItems) return
      const oldest = items.values().next()
      if (!oldest.done) items.delete(oldest.value)
    },
    get size() {
      return items.size
    },
  }
}
