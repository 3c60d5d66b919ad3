/** Randomness from a seed, for tests that can be run again. Not fit for keys that matter. */
import type { Random } from '../../src/util/index.ts'

export interface SeededRandom extends Random {
  /** An independent stream of its own, the same for the same label. */
  fork(label: string): SeededRandom
  pick<T>(items: readonly T[]): T
  shuffle<T>(items: readonly T[]): T[]
}

const hash = (text: string): number => {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return value >>> 0
}

/** splitmix32: passes the usual tests of randomness, and is ten lines. */
export const createSeededRandom = (seed: number | string): SeededRandom => {
  const start = hash(String(seed))
  let state = start
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0
    let value = state ^ (state >>> 16)
    value = Math.imul(value, 0x21f0aaad)
    value ^= value >>> 15
    value = Math.imul(value, 0x735a2d97)
    return (value ^ (value >>> 15)) >>> 0
  }
  const random: SeededRandom = {
    bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff),
    below: (limit) => Math.floor((next() / 2 ** 32) * limit),
    fraction: () => next() / 2 ** 32,
    fork: (label) => createSeededRandom(`${start} ${label}`),
    pick(items) {
      const index = random.below(items.length)
      if (index >= items.length) throw new RangeError('nothing to pick from')
      return items[index] as (typeof items)[number]
    },
    shuffle(items) {
      const result = [...items]
      for (let index = result.length - 1; index > 0; index--) {
        const other = random.below(index + 1)
        const kept = result[index] as (typeof items)[number]
        result[index] = result[other] as (typeof items)[number]
        result[other] = kept
      }
      return result
    },
  }
  return random
}
