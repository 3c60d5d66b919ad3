export interface HeapItem<T> {
  readonly key: number
  readonly value: T
}

/** Values by a key, the least first. */
export interface Heap<T> {
  push(key: number, value: T): void
  pop(): HeapItem<T> | undefined
  readonly size: number
}

/** A binary heap. */
export const createHeap = <T>(): Heap<T> => {
  const items: HeapItem<T>[] = []

  const keyAt = (index: number): number => items[index]?.key ?? Number.POSITIVE_INFINITY
  const swap = (a: number, b: number): void => {
    const [first, second] = [items[a], items[b]]
    if (first === undefined || second === undefined) return
    items[a] = second
    items[b] = first
  }

  return {
    get size() {
      return items.length
    },
    push(key, value) {
      items.push({ key, value })
      for (let at = items.length - 1; at > 0; ) {
        const parent = (at - 1) >>> 1
        if (keyAt(parent) <= keyAt(at)) return
        swap(parent, at)
        at = parent
      }
    },
    pop() {
      swap(0, items.length - 1)
      const least = items.pop()
      for (let at = 0; ; ) {
        const left = 2 * at + 1
        const child = keyAt(left + 1) < keyAt(left) ? left + 1 : left
        if (keyAt(at) <= keyAt(child)) return least
        swap(at, child)
        at = child
      }
    },
  }
}
