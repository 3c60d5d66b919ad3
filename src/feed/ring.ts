/** Items with increasing numbers, of which the last ones are held. */
export interface Ring<T> {
  /** Number of the oldest held. */
  oldest(): number
  /** Number of the newest; 0 before the first. */
  newest(): number
  push(item: T, sizeBytes: number): void
  /** `undefined` if it is not held. */
  at(number: number): T | undefined
}

/** Holds at most so many items of at most so many bytes together; what is larger alone is not held. */
export const createRing = <T>(init: { maxItems: number; maxBytes: number }): Ring<T> => {
  const slots: ({ item: T; sizeBytes: number } | undefined)[] = []
  let oldest = 1
  let newest = 0
  let heldBytes = 0

  const dropOldest = (): void => {
    const slot = oldest % init.maxItems
    heldBytes -= slots[slot]?.sizeBytes ?? 0
    slots[slot] = undefined
    oldest++
  }

  return {
    oldest: () => oldest,
    newest: () => newest,
    push(item, sizeBytes) {
      newest++
      if (newest - oldest >= init.maxItems) dropOldest()
      slots[newest % init.maxItems] = { item, sizeBytes }
      heldBytes += sizeBytes
      while (heldBytes > init.maxBytes) dropOldest()
    },
    at: (number) =>
      number < oldest || number > newest ? undefined : slots[number % init.maxItems]?.item,
  }
}
