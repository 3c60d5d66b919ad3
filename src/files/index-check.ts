import { isMeshError } from '../errors/index.ts'
import { concatBytes, digestFromBytes, digestToBytes } from '../util/index.ts'
import { PAGE_ENTRIES } from './limits.ts'
import { decodeRow } from './row.ts'
import { decodeKept, decodePlace, indexTable, keptTable } from './tables.ts'
import { nameKey, rangeOfName, readNameKey, rowTable } from './tables.ts'
import type { FileName } from '../statement/index.ts'
import type { Entry, Reader, Table } from '../store/index.ts'
import type { Digest } from '../util/index.ts'
import type { Place } from './tables.ts'

/** Sentences about damage; whoever needs more has seen enough. */
const MAX_DAMAGE = 16

/** Page by page: what changes between two pages does not disturb it. */
function* walk(reader: Reader, table: Table): Iterable<Entry> {
  let start: Uint8Array | undefined
  for (;;) {
    const range = { limit: PAGE_ENTRIES, ...(start === undefined ? {} : { start }) }
    const page = [...reader.range(table, range)].map(({ key, value }) => ({
      key: Uint8Array.from(key),
      value,
    }))
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_ENTRIES) return
    start = concatBytes(last.key, Uint8Array.of(0))
  }
}

/**
 * Holds the index against the rows of the names, which speak of the same records, and against what
 * is kept; one entry before each `next`. The tree of hashes is over whatever ids the index has, so it
 * cannot tell that one of them is wrong; this can, whatever the size of the index. Answers with what is
 * wrong, a sentence each.
 */
export function* checkIndex(reader: Reader): Generator<void, readonly string[]> {
  const damage: string[] = []

  /** Runs a look at one entry; whatever cannot be read there is damage as well. */
  const look = (at: () => string | undefined): void => {
    let found: string | undefined
    try {
      found = at()
    } catch (error) {
      if (!isMeshError(error)) throw error
      found = error.message
    }
    if (found !== undefined && damage.length < MAX_DAMAGE) damage.push(found)
  }

  const recordsOf = (name: FileName): readonly Digest[] => {
    const value = reader.get(rowTable, nameKey(name))
    return value === undefined ? [] : decodeRow(value).records
  }

  const placeOf = (id: Digest): Place | undefined => {
    const value = reader.get(indexTable, digestToBytes(id))
    return value === undefined ? undefined : decodePlace(value)
  }

  const isKept = ({ name, statement }: Place): boolean =>
    [...reader.range(keptTable, rangeOfName(name))].some(
      ({ key, value }) => decodeKept(key, value).signed.id === statement,
    )

  for (const { key } of walk(reader, indexTable)) {
    look(() => {
      const id = digestFromBytes(key)
      const place = placeOf(id)
      if (place === undefined) return undefined
      const { name } = place
      if (!recordsOf(name).includes(id)) return `the index has ${id}, which is no record of ${name}`
      return isKept(place) ? undefined : `the statement of ${id}, of ${name}, is not kept`
    })
    yield
  }
  for (const { key } of walk(reader, rowTable)) {
    look(() => {
      const name = readNameKey(key)
      const lost = recordsOf(name).find((id) => placeOf(id)?.name !== name)
      return lost === undefined ? undefined : `the index has not ${lost}, a record of ${name}`
    })
    yield
  }
  return damage
}
