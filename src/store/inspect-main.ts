/**
 * A program of its own, run by `inspect.ts`: its first argument is the process that waits for it. Reads
 * every entry of the LMDB environment named by its second argument, takes pages from its free list, and
 * with a third argument writes all entries into a new environment there. It may die of what it finds; that is its purpose.
 */
import { ABORT } from 'lmdb'
import { openEnvironment, openSubDatabase } from './environment.ts'
import { EXIT_DAMAGED, EXIT_NOT_COPIED, EXIT_ORPHANED } from './inspect.ts'
import type { Environment, SubDatabase } from './environment.ts'

/** Longest key that LMDB takes with pages of 4 KiB. */
const MAX_STORED_KEY_BYTES = 1978
/** Entries written in one transaction; a quarter of a gigabyte at most with the largest we write. */
const BATCH_ENTRIES = 1_000

const [, , parent, path = '', target] = process.argv

class Damage extends Error {}

const nameOf = (key: Uint8Array): string => Buffer.from(key).toString('utf8').replace(/\0$/, '')

const countOf = (table: SubDatabase): number => {
  const { entryCount = 0 }: { entryCount?: number } = table.getStats()
  return entryCount
}

/**
 * All entries. A page that was overwritten may well be readable: then keys are out of order or not as
 * many as the tree says, or the same pages come again and again.
 */
function* entriesOf(name: string, table: SubDatabase) {
  const expected = countOf(table)
  let count = 0
  let last: Uint8Array | undefined
  for (const entry of table.getRange()) {
    const { key } = entry
    if (key.length > MAX_STORED_KEY_BYTES)
      throw new Damage(`a key of ${key.length} bytes in ${name}`)
    if (last !== undefined && Buffer.compare(last, key) >= 0)
      throw new Damage(`disorder in ${name}`)
    if (++count > expected) throw new Damage(`more entries in ${name} than the ${expected} it has`)
    last = Uint8Array.from(key)
    yield entry
  }
  if (count < expected) throw new Damage(`${count} entries in ${name} instead of ${expected}`)
}

/** Whoever started this may have been killed, and somebody else may be at work by now. */
const endIfOrphaned = (): void => {
  if (process.ppid !== Number(parent)) process.exit(EXIT_ORPHANED)
}

const tablesOf = (environment: Environment): [string, SubDatabase][] =>
  [...environment.getKeys()].map(nameOf).map((name) => [name, openSubDatabase(environment, name)])

const readAll = (environment: Environment): void => {
  let bytes = 0
  for (const [name, table] of tablesOf(environment)) {
    for (const { value } of entriesOf(name, table)) bytes += value.length
    endIfOrphaned()
  }
  environment.transactionSync(() => {
    environment.putSync(Buffer.from('inspected'), Buffer.alloc(64 * 2 ** 10, bytes & 0xff))
    return ABORT
  })
}

/** Writes every entry into pages of its own making, so that nothing of the old ones is left. */
const copyAll = async (environment: Environment, into: string): Promise<void> => {
  const copy = openEnvironment(into)
  for (const [name, table] of tablesOf(environment)) {
    const copied = openSubDatabase(copy, name)
    const entries = entriesOf(name, table)
    for (let done = false; !done; ) {
      endIfOrphaned()
      copy.transactionSync(() => {
        for (let written = 0; written < BATCH_ENTRIES && !done; written++) {
          const next = entries.next()
          if (next.done) done = true
          else copied.putSync(next.value.key, next.value.value)
        }
      })
    }
  }
  await copy.close()
}

const fail = (code: number) => (error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(error instanceof Damage ? EXIT_DAMAGED : code)
}

try {
  endIfOrphaned()
  const environment = openEnvironment(path)
  readAll(environment)
  // All of it could be read, so whatever the copy fails by, a full disk above all, is no damage of it.
  if (target !== undefined) await copyAll(environment, target).catch(fail(EXIT_NOT_COPIED))
  await environment.close()
} catch (error) {
  fail(EXIT_DAMAGED)(error)
}
