/**
 * Runs `task` for each item, at most `width` at a time, in order of starting. After a failure
 * nothing new is begun, and what is under way is waited for; then that first failure rejects.
 */
export const forEachParallel = async <T>(
  items: Iterable<T>,
  width: number,
  task: (item: T, index: number) => Promise<void>,
): Promise<void> => {
  const iterator = items[Symbol.iterator]()
  let index = 0
  let failure: { readonly error: unknown } | undefined
  const lane = async (): Promise<void> => {
    while (failure === undefined) {
      const next = iterator.next()
      if (next.done) return
      try {
        await task(next.value, index++)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  if (failure !== undefined) throw failure.error
}
