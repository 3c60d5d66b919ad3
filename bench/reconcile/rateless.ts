/**
 * Rateless invertible Bloom lookup tables (Yang, Gilad, Alizadeh, 2024), as far as measuring needs
 * them: what docs/decisions weighs against comparing ranges. Not used by the product.
 */

/** A salted id of 64 bits as two halves. */
export interface Symbols {
  readonly high: Uint32Array
  readonly low: Uint32Array
}

/** Sum of ids, of their checks, and how many there are, for each coded symbol. */
interface Coded {
  readonly high: Uint32Array
  readonly low: Uint32Array
  readonly check: Uint32Array
  readonly count: Int32Array
}

/** On the wire: 8 bytes of id, 4 of check, and a count of about 2. */
export const CODED_BYTES = 14

const mix = (value: number): number => {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

const checkOf = (high: number, low: number): number => mix(high ^ mix(low ^ 0x9e3779b9))

const createCoded = (count: number): Coded => ({
  high: new Uint32Array(count),
  low: new Uint32Array(count),
  check: new Uint32Array(count),
  count: new Int32Array(count),
})

/** Calls with each coded symbol below `limit` that an id is part of: fewer and fewer of them. */
const eachIndex = (
  high: number,
  low: number,
  limit: number,
  call: (index: number) => void,
): void => {
  let state = mix(high ^ 0x1234567) ^ low
  for (let index = 0; index < limit; ) {
    call(index)
    state = mix(state + 0x6d2b79f5)
    index += Math.ceil((index + 1.5) * (1 / Math.sqrt((state + 1) / 2 ** 32) - 1))
  }
}

const add = (
  coded: Coded,
  high: number,
  low: number,
  sign: number,
  onPure?: (i: number) => void,
) => {
  const check = checkOf(high, low)
  eachIndex(high, low, coded.count.length, (index) => {
    coded.high[index] = (coded.high[index] ?? 0) ^ high
    coded.low[index] = (coded.low[index] ?? 0) ^ low
    coded.check[index] = (coded.check[index] ?? 0) ^ check
    coded.count[index] = (coded.count[index] ?? 0) + sign
    onPure?.(index)
  })
}

export const encode = ({ high, low }: Symbols, count: number): Coded => {
  const coded = createCoded(count)
  for (let at = 0; at < high.length; at++) add(coded, high[at] ?? 0, low[at] ?? 0, 1)
  return coded
}

/** How many ids differ, or `undefined` if these are too few coded symbols to tell. */
export const decode = (ours: Coded, theirs: Coded): number | undefined => {
  const size = ours.count.length
  const left = createCoded(size)
  for (let at = 0; at < size; at++) {
    left.high[at] = (ours.high[at] ?? 0) ^ (theirs.high[at] ?? 0)
    left.low[at] = (ours.low[at] ?? 0) ^ (theirs.low[at] ?? 0)
    left.check[at] = (ours.check[at] ?? 0) ^ (theirs.check[at] ?? 0)
    left.count[at] = (ours.count[at] ?? 0) - (theirs.count[at] ?? 0)
  }
  const isPure = (at: number): boolean =>
    Math.abs(left.count[at] ?? 0) === 1 &&
    left.check[at] === checkOf(left.high[at] ?? 0, left.low[at] ?? 0)
  const pure: number[] = []
  for (let at = 0; at < size; at++) if (isPure(at)) pure.push(at)
  let found = 0
  for (let at = pure.pop(); at !== undefined; at = pure.pop()) {
    if (!isPure(at)) continue
    found++
    add(left, left.high[at] ?? 0, left.low[at] ?? 0, -(left.count[at] ?? 0), (index) => {
      if (isPure(index)) pure.push(index)
    })
  }
  return left.count.every((count) => count === 0) && left.low.every((low) => low === 0)
    ? found
    : undefined
}

/** Coded symbols that it takes, found by trying ever more of them. */
export const symbolsNeeded = (ours: Symbols, theirs: Symbols, differences: number): number => {
  let count = Math.max(1, Math.ceil(differences * (differences > 100 ? 1.3 : 1)))
  for (;;) {
    const found = decode(encode(ours, count), encode(theirs, count))
    if (found === differences) return count
    count = Math.ceil(count * 1.05) + (differences > 100 ? 0 : 1)
  }
}
