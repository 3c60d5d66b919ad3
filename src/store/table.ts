import type { Table } from './types.ts'

const tables = new Map<string, Table>()

/**
 * A table of this name. Make it once, at the top of the module that owns it: a store opens, when it
 * is opened, the tables that are known by then.
 */
export const table = (name: string): Table => {
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) throw new RangeError(`${name} is no table name`)
  const known = tables.get(name)
  if (known !== undefined) return known
  const made: Table = { name }
  tables.set(name, made)
  return made
}

/** All tables made so far. */
export const knownTables = (): readonly Table[] => [...tables.values()]

/** Longest key, in bytes; LMDB's own limit for pages of 4 KiB is a little above. */
export const MAX_KEY_BYTES = 1900

/** `key` itself if the store can hold it. */
export const checkKey = (key: Uint8Array): Uint8Array => {
  if (key.length >= 1 && key.length <= MAX_KEY_BYTES) return key
  throw new RangeError(`a key has 1 to ${MAX_KEY_BYTES} bytes, not ${key.length}`)
}
