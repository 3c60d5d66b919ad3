import { randomBytes, randomInt } from 'node:crypto'

/** Randomness as a component, so that a simulation can seed it. */
export interface Random {
  /** `count` bytes fit for keys. */
  bytes(count: number): Uint8Array
  /** Integer in `[0, limit)`; `limit` is at least 1 and at most 2^32. */
  below(limit: number): number
  /** Number in `[0, 1)`. */
  fraction(): number
}

/** The operating system's generator. */
export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  below: (limit) => randomInt(limit),
  fraction: () => randomInt(2 ** 32) / 2 ** 32,
}
