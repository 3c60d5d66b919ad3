import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemClock } from '../util/index.ts'
import { checkDataFile } from './data-file.ts'
import { openEnvironment, openSubDatabase } from './environment.ts'
import { checkRoom, isDatabaseError, readFailure, storeFailure } from './failure.ts'
import { inspectDatabase, renewDatabase } from './inspect.ts'
import { migrate, migrations } from './migrations.ts'
import { readOpenings } from './openings.ts'
import { checkKey, knownTables } from './table.ts'
import { isMeshError, MeshError } from '../errors/index.ts'
import type { Environment, SubDatabase } from './environment.ts'
import type { Migration } from './migrations.ts'
import type { Openings } from './openings.ts'
import type { Entry, Range, Store, Table, Transaction } from './types.ts'

/** From this count of openings in a row that nobody closed, the whole database is read first. */
const INSPECT_AFTER_UNCLEAN_OPENS = 2
/** Then it is copied as well, and again after each so many more: not at every one, for the disk's sake. */
const RENEW_EVERY_UNCLEAN_OPENS = 4
/** Damaged databases that are kept to be looked at; older ones are removed. */
export const MAX_SET_ASIDE = 3

export interface LmdbStoreComponents {
  /** Directory of the database; made if it is missing. */
  readonly path: string
  /** Names what is set aside. @default the machine's own */
  readonly clock?: { nowMs(): number }
}

export interface LmdbStoreInit {
  /**
   * Called when a damaged database was moved to `movedTo` and an empty one takes its place. Without
   * it, `open` throws `ERR_STATE_CORRUPT` and leaves everything where it is.
   */
  readonly onDamage?: (damage: { error: MeshError; movedTo: string }) => void
  /** Called at the first damage that a read or a change comes upon; the next opening looks at everything. */
  readonly onSuspicion?: (error: MeshError) => void
  /** Called when all entries were copied into a new data file, after `uncleanOpens` deaths in a row. */
  readonly onRenewal?: (renewal: { uncleanOpens: number }) => void
  /** @default the chain of this version of mesh */
  readonly migrations?: readonly Migration[]
}

/** A store in one LMDB environment, with each table as a database of its own. */
export const createLmdbStore = (components: LmdbStoreComponents, init: LmdbStoreInit = {}): Store =>
  new LmdbStore(components, init)

const countOf = (table: SubDatabase): number => {
  const stats: { entryCount?: number } = table.getStats()
  return stats.entryCount ?? 0
}

/** Reversed, LMDB wants the bounds the other way round, and each says whether it is included. */
const entriesOf = (
  table: SubDatabase,
  { start, end, reverse = false, limit }: Range,
): Iterable<Entry> => {
  const from = start === undefined ? undefined : checkKey(start)
  const to = end === undefined ? undefined : checkKey(end)
  return table.getRange({
    ...(reverse
      ? {
          ...(to && { start: to, exclusiveStart: true }),
          ...(from && { end: from, inclusiveEnd: true }),
        }
      : { ...(from && { start: from }), ...(to && { end: to }) }),
    reverse,
    ...(limit === undefined ? {} : { limit }),
  })
}

interface Opened {
  readonly environment: Environment
  readonly tables: ReadonlyMap<string, SubDatabase>
  readonly openings: Openings
}

class LmdbStore implements Store {
  readonly #path: string
  readonly #clock: { nowMs(): number }
  readonly #init: LmdbStoreInit
  #opened: Opened | undefined
  #closing = false
  /** Whether something was read that is damaged: then the next opening looks at everything. */
  #sawDamage = false
  #isTold = false
  #transactions = 0
  readonly #underWay = new Set<Promise<unknown>>()

  constructor({ path, clock = systemClock }: LmdbStoreComponents, init: LmdbStoreInit) {
    this.#path = path
    this.#clock = clock
    this.#init = init
  }

  get uncleanOpens(): number {
    return this.#opened?.openings.unclean ?? 0
  }

  async open(): Promise<void> {
    if (this.#opened !== undefined) return
    try {
      await this.#open()
    } catch (error) {
      const { onDamage } = this.#init
      if (!isMeshError(error, 'ERR_STATE_CORRUPT') || onDamage === undefined) throw error
      const movedTo = await this.#setAside()
      await this.#open()
      onDamage({ error, movedTo })
    }
  }

  async #open(): Promise<void> {
    try {
      await mkdir(this.#path, { recursive: true, mode: 0o700 })
      const openings = await readOpenings(this.#path)
      await this.#lookCloser(openings)
      await openings.begin()
      this.#sawDamage = false
      this.#isTold = false
      await checkRoom(this.#path)
      const environment = openEnvironment(this.#path)
      const tables = new Map(
        knownTables().map(({ name }) => [name, openSubDatabase(environment, name)]),
      )
      this.#opened = { environment, tables, openings }
      await migrate(this, this.#init.migrations ?? migrations)
    } catch (error) {
      await this.#close()
      throw await storeFailure(error, this.#path)
    }
  }

  /** Reads the whole database if there is reason to, and has sound pages take the place of its own. */
  async #lookCloser({ unclean }: Openings): Promise<void> {
    const state = await checkDataFile(this.#path)
    if (state === 'fresh') return
    const deaths = unclean - INSPECT_AFTER_UNCLEAN_OPENS
    if (deaths >= 0 && deaths % RENEW_EVERY_UNCLEAN_OPENS === 0) {
      if (await renewDatabase(this.#path)) this.#init.onRenewal?.({ uncleanOpens: unclean })
    } else if (deaths >= 0 || state === 'suspicious') {
      await inspectDatabase(this.#path)
    }
  }

  /** Moves the database out of the way, to be looked at by somebody. */
  async #setAside(): Promise<string> {
    const time = new Date(this.#clock.nowMs()).toISOString().replace(/[-:]|\.\d+/g, '')
    for (let attempt = 1; ; attempt++) {
      const target = `${this.#path}.damaged-${time}${attempt === 1 ? '' : `-${attempt}`}`
      const taken = await stat(target).then(
        () => true,
        () => false,
      )
      if (taken) continue
      await rename(this.#path, target)
      await this.#removeOldest()
      return target
    }
  }

  /** Of those that were set aside; their names sort by time. */
  async #removeOldest(): Promise<void> {
    const directory = dirname(this.#path)
    const prefix = `${basename(this.#path)}.damaged-`
    const all = (await readdir(directory)).filter((name) => name.startsWith(prefix)).sort()
    for (const name of all.slice(0, -MAX_SET_ASIDE)) {
      await rm(join(directory, name), { recursive: true, force: true })
    }
  }

  #table({ name }: Table): SubDatabase {
    const found = this.#opened?.tables.get(name)
    if (found !== undefined) return found
    throw new Error(
      this.#opened === undefined
        ? 'the store is closed'
        : `the table ${name} was made after the store was opened`,
    )
  }

  #reading<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      // Whatever a read fails by, it is worth a closer look.
      const failure = readFailure(error)
      if (isDatabaseError(error)) this.#suspect(failure)
      throw failure ?? error
    }
  }

  #suspect(error: MeshError | undefined): void {
    this.#sawDamage = true
    if (this.#isTold || !isMeshError(error, 'ERR_STATE_CORRUPT')) return
    this.#isTold = true
    // At once: it may be killed, or die of the damage, before it is closed.
    void this.#opened?.openings.raise(INSPECT_AFTER_UNCLEAN_OPENS)
    this.#init.onSuspicion?.(error)
  }

  /** Whatever a change fails by but a full disk, it is worth a closer look. */
  #noting(error: MeshError): MeshError {
    if (error.code !== 'ERR_DISK_FULL') this.#suspect(error)
    return error
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    return this.#reading(() => this.#table(table).get(checkKey(key)))
  }

  /**
   * A page that was overwritten may read as one with fewer entries, or others. Over a whole table that
   * shows at no cost: the tree says how many there are.
   */
  *range(table: Table, range: Range = {}): Iterable<Entry> {
    const isWhole = Object.values(range).every((bound) => bound === undefined)
    const expected = isWhole ? this.count(table) : 0
    const transactions = this.#quiet()
    const entries = this.#reading(() => entriesOf(this.#table(table), range)[Symbol.iterator]())
    let count = 0
    let last: Uint8Array | undefined
    try {
      for (;;) {
        const next = this.#reading(() => entries.next())
        if (next.done) break
        const { key } = next.value
        if (isWhole && last !== undefined && Buffer.compare(last, key) >= 0) {
          throw this.#damaged(table, 'its keys are in disorder')
        }
        last = key
        count++
        yield next.value
      }
    } finally {
      entries.return?.()
    }
    const isStill = transactions !== undefined && transactions === this.#quiet()
    if (count < expected && isStill) {
      throw this.#damaged(table, `it has ${count} entries instead of ${expected}`)
    }
  }

  /** How many transactions there were, if none is under way. */
  #quiet(): number | undefined {
    return this.#underWay.size === 0 ? this.#transactions : undefined
  }

  #damaged({ name }: Table, why: string): MeshError {
    const message = `the table ${name} is damaged: ${why}`
    const error = new MeshError('ERR_STATE_CORRUPT', message, { data: { path: this.#path } })
    this.#suspect(error)
    return error
  }

  count(table: Table): number {
    return this.#reading(() => countOf(this.#table(table)))
  }

  transaction<T>(work: (tx: Transaction) => T): Promise<T> {
    const running = this.#transact(work)
    const settled = running.then(
      () => {},
      () => {},
    )
    this.#transactions++
    this.#underWay.add(settled)
    void settled.then(() => this.#underWay.delete(settled))
    return running
  }

  async #transact<T>(work: (tx: Transaction) => T): Promise<T> {
    if (this.#opened === undefined || this.#closing) throw new Error('the store is closed')
    let thrown: { error: unknown } | undefined
    try {
      // `transaction` would keep what was put before a throw; `childTransaction` rolls back and
      // leaves its neighbours in the same commit alone.
      const { value } = await this.#opened.environment.childTransaction(() => {
        try {
          return { value: this.#run(work) }
        } catch (error) {
          thrown = { error }
          throw error
        }
      })
      return value
    } catch (error) {
      if (thrown !== undefined && !isDatabaseError(thrown.error)) throw thrown.error
      throw this.#noting(await storeFailure(error, this.#path))
    }
  }

  #run<T>(work: (tx: Transaction) => T): T {
    let active = true
    const during = (table: Table): SubDatabase => {
      if (!active) throw new Error('the transaction is over')
      return this.#table(table)
    }
    const get = (table: Table, key: Uint8Array): Uint8Array | undefined =>
      during(table).get(checkKey(key))
    try {
      return work({
        get,
        // Read at once, because a cursor does not like what it walks over to be changed.
        range: (table, range = {}) => [...entriesOf(during(table), range)],
        count: (table) => countOf(during(table)),
        put: (table, key, value) => {
          during(table).putSync(checkKey(key), Buffer.from(value))
        },
        remove: (table, key) => {
          const known = get(table, key) !== undefined
          if (known) during(table).removeSync(key)
          return known
        },
      })
    } finally {
      active = false
    }
  }

  async close({ keepUncleanOpens = false }: { keepUncleanOpens?: boolean } = {}): Promise<void> {
    const openings = this.#opened?.openings
    await this.#close()
    // However well it is closed: a start that fails by damage would fail by it for ever.
    if (this.#sawDamage) await openings?.raise(INSPECT_AFTER_UNCLEAN_OPENS)
    else await (keepUncleanOpens ? openings?.undo() : openings?.end())
  }

  async #close(): Promise<void> {
    const opened = this.#opened
    if (opened === undefined) return
    this.#closing = true
    await Promise.all(this.#underWay)
    this.#opened = undefined
    this.#closing = false
    await opened.environment.close()
  }
}
