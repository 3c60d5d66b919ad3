import { aborted } from '../async.ts'

/** A number of places, given in the order in which they were asked for. */
export interface Slots {
  /** Answers with what gives the place back; calling that again does nothing. */
  take(signal: AbortSignal): Promise<() => void>
}

export const createSlots = (count: number): Slots => {
  const waiting: (() => void)[] = []
  let free = count

  const release = (): void => {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }

  return {
    async take(signal) {
      if (signal.aborted) throw aborted('a wait for a place')
      if (free > 0) free--
      else {
        await new Promise<void>((resolve, reject) => {
          const go = (): void => {
            signal.removeEventListener('abort', onAbort)
            resolve()
          }
          const onAbort = (): void => {
            waiting.splice(waiting.indexOf(go), 1)
            reject(aborted('a wait for a place'))
          }
          waiting.push(go)
          signal.addEventListener('abort', onAbort, { once: true })
        })
      }
      let held = true
      return () => {
        if (held) release()
        held = false
      }
    },
  }
}
