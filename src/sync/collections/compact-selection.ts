import { hash } from 'node:crypto'
import { isPattern, parseSelector, prefixOf } from '../../statement/index.ts'
import { MAX_LIST_PATTERNS } from '../limits.ts'
import { malformed } from '../wire.ts'
import type { Selection, SelectionBuilder } from '../collection.ts'

/** Of this node, unknown to others, so that nobody can make names that are taken for each other. */
export const SELECTION_SALT_BYTES = 16
const HASH_DIGITS = 12
const FIRST_CAPACITY = 64

/** Numbers below 2^48, in 8 bytes each. */
const createNumbers = () => {
  let numbers = new Float64Array(FIRST_CAPACITY)
  let count = 0
  return {
    add(value: number): void {
      if (count === numbers.length) {
        const grown = new Float64Array(count * 2)
        grown.set(numbers)
        numbers = grown
      }
      numbers[count++] = value
    },
    finish: (): Float64Array => numbers.slice(0, count).sort(),
  }
}

const includes = (numbers: Float64Array, value: number): boolean => {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((numbers[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return numbers[low] === value
}

/** From text to text: with buffers on the way it takes three times as long. */
const createHash = (salt: Uint8Array) => {
  const salted = Buffer.from(salt).toString('hex')
  return (text: string): number =>
    Number.parseInt(hash('sha256', salted + text, 'hex').slice(0, HASH_DIGITS), 16)
}

interface Parts {
  hashOf(text: string): number
  /** The part before the `*`. */
  readonly patterns: ReadonlySet<string>
  /** Sorted, as hashes. */
  readonly names: Float64Array
  readonly directories: Float64Array
}

/** Made outside of its builder: functions that are made together keep what any of them uses. */
const createHashedSelection = ({ hashOf, patterns, names, directories }: Parts): Selection => {
  const lengths = [...new Set([...patterns].map(({ length }) => length))]
  const matches = (name: string): boolean => {
    const shared = name.lastIndexOf('/') + 1
    return lengths.some(
      (length) => length >= shared && length < name.length && patterns.has(name.slice(0, length)),
    )
  }
  return {
    has(name) {
      const hashed = hashOf(name)
      if (includes(names, hashed)) return true
      return matches(name) && !includes(directories, hashed)
    },
    hasPatterns: patterns.size > 0,
    sizeBytes:
      names.byteLength +
      directories.byteLength +
      [...patterns].reduce((sum, { length }) => sum + 2 * length + 64, 0),
  }
}

/**
 * Says the same of a name as `createSelection` of `statement`, and keeps 8 bytes of each name and of
 * each directory instead of the names.
 */
export const createCompactSelection = (salt: Uint8Array): SelectionBuilder => {
  const names = createNumbers()
  const directories = createNumbers()
  const patterns = new Set<string>()
  let before: readonly string[] = []

  const hashOf = createHash(salt)

  /** Neighbours share most of their directories: each is taken once, nearly always. */
  const addDirectories = (selector: string): void => {
    const parts = selector.split('/').slice(0, -1)
    let shared = 0
    while (shared < parts.length && parts[shared] === before[shared]) shared++
    for (let count = shared + 1; count <= parts.length; count++) {
      directories.add(hashOf(parts.slice(0, count).join('/')))
    }
    before = parts
  }

  return {
    add(text) {
      const selector = parseSelector(text)
      addDirectories(selector)
      if (!isPattern(selector)) return names.add(hashOf(selector))
      if (patterns.size >= MAX_LIST_PATTERNS) {
        throw malformed(`more than ${MAX_LIST_PATTERNS} patterns`)
      }
      patterns.add(prefixOf(selector))
    },
    finish: () =>
      createHashedSelection({
        hashOf,
        patterns,
        names: names.finish(),
        directories: directories.finish(),
      }),
  }
}
