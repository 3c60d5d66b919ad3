import { MeshError } from '../errors/index.ts'
import { toHex } from '../util/index.ts'
import { migrate, migrations } from './migrations.ts'
import { checkKey } from './table.ts'
import type { Migration } from './migrations.ts'
import type { Entry, Range, Store, Table, Transaction } from './types.ts'

/** What shall happen to a transaction. `lost` and `kept`: whoever waits for it dies while it commits. */
export type StoreFault = 'disk-full' | 'lost' | 'kept'

/** A store in memory with the failures of a real one. */
export interface MemoryStore extends Store {
  /** Asked before each commit; `undefined` lets it through. */
  fault: (() => StoreFault | undefined) | undefined
  /**
   * The end of whoever used the store, without `close`. Of the commits that were not durable yet, the
   * first `keep` survive. What was waited for never comes. Open it again afterwards.
   * @param keep @default all, as when only the process dies
   */
  crash(keep?: number): void
  /** Every entry as hex, by table and key, to be compared. */
  dump(): Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Keys as strings of one character a byte, which sort like the bytes. */
const toText = (key: Uint8Array): string => Buffer.from(checkKey(key)).toString('latin1')
const toBytes = (key: string): Uint8Array => Buffer.from(key, 'latin1')

class MemoryTable {
  readonly #values = new Map<string, Uint8Array>()
  readonly #sorted: string[] = []

  /** Position of the first key that is not below `key`. */
  #position(key: string): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sorted[middle] ?? '') < key) low = middle + 1
      else high = middle
    }
    return low
  }

  get size(): number {
    return this.#sorted.length
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: Uint8Array | undefined): void {
    const known = this.#values.has(key)
    if (value === undefined) {
      if (known) this.#sorted.splice(this.#position(key), 1)
      this.#values.delete(key)
      return
    }
    if (!known) this.#sorted.splice(this.#position(key), 0, key)
    this.#values.set(key, value)
  }

  range({ start, end, reverse = false, limit }: Range): Entry[] {
    const from = start === undefined ? 0 : this.#position(toText(start))
    const to = end === undefined ? this.#sorted.length : this.#position(toText(end))
    const keys = this.#sorted.slice(from, Math.max(from, to))
    if (reverse) keys.reverse()
    return keys.slice(0, limit).map((key) => ({
      key: toBytes(key),
      value: Uint8Array.from(this.#values.get(key) ?? []),
    }))
  }
}

export interface MemoryStoreInit {
  readonly migrations?: readonly Migration[]
  /**
   * Resolves when the disk has taken a commit. Until then readers see it, and it may be lost; later
   * commits do not overtake it. @default at once
   */
  readonly flush?: () => Promise<void>
}

/** What a dead process waits for. */
const never = (): Promise<never> => new Promise(() => {})

export const createMemoryStore = (init: MemoryStoreInit = {}): MemoryStore => {
  const tables = new Map<string, MemoryTable>()
  let isOpen = false
  let opens = 0
  let uncleanOpens = 0
  let tail: Promise<unknown> = Promise.resolve()
  let flushed: Promise<unknown> = Promise.resolve()
  /** How to undo what was committed and is not durable. */
  let fragile: (() => void)[] = []
  let crashes = 0

  const inside = ({ name }: Table): MemoryTable => {
    if (!isOpen) throw new Error('the store is closed')
    const found = tables.get(name)
    if (found !== undefined) return found
    const made = new MemoryTable()
    tables.set(name, made)
    return made
  }

  const get = (table: Table, key: Uint8Array): Uint8Array | undefined => {
    const value = inside(table).get(toText(key))
    return value === undefined ? undefined : Uint8Array.from(value)
  }

  /** Runs `work` on the tables themselves and answers how to undo it. */
  const apply = <T>(work: (tx: Transaction) => T): { value: T; undo: () => void } => {
    const undone: (() => void)[] = []
    let active = true
    const undo = (): void => {
      for (const step of undone.toReversed()) step()
    }
    const change = (table: Table, key: Uint8Array, value: Uint8Array | undefined): boolean => {
      if (!active) throw new Error('the transaction is over')
      const text = toText(key)
      const before = inside(table).get(text)
      undone.push(() => inside(table).set(text, before))
      inside(table).set(text, value)
      return before !== undefined
    }
    try {
      const value = work({
        get,
        range: (table, range = {}) => inside(table).range(range),
        count: (table) => inside(table).size,
        put: (table, key, value) => void change(table, key, Uint8Array.from(value)),
        remove: (table, key) => change(table, key, undefined),
      })
      return { value, undo }
    } catch (error) {
      undo()
      throw error
    } finally {
      active = false
    }
  }

  const commit = <T>(work: (tx: Transaction) => T): T => {
    const { value, undo } = apply(work)
    const fault = store.fault?.()
    if (fault === undefined) {
      if (init.flush !== undefined) fragile.push(undo)
      return value
    }
    if (fault !== 'kept') undo()
    throw fault === 'disk-full'
      ? new MeshError('ERR_DISK_FULL', 'the disk is full (injected)')
      : new MeshError('ERR_STATE_UNUSABLE', `the store died while it committed (${fault})`)
  }

  /** Waits until the commit that was the last one is durable. */
  const flush = async (life: number): Promise<void> => {
    if (init.flush === undefined) return
    const before = flushed
    const done = before.then(() => (life === crashes ? init.flush?.() : undefined))
    flushed = done
    await done
    if (life === crashes) fragile.shift()
  }

  const transact = async <T>(work: (tx: Transaction) => T): Promise<T> => {
    const life = crashes
    const committed = tail.then(() => (life === crashes ? commit(work) : never()))
    tail = committed.catch(() => {})
    const value = await committed
    await flush(life)
    return life === crashes ? value : never()
  }

  const store: MemoryStore = {
    fault: undefined,
    get uncleanOpens() {
      return uncleanOpens
    },
    async open() {
      if (isOpen) return
      isOpen = true
      uncleanOpens = opens++
      await migrate(store, init.migrations ?? migrations)
    },
    transaction(work) {
      return isOpen ? transact(work) : Promise.reject(new Error('the store is closed'))
    },
    async close({ keepUncleanOpens = false } = {}) {
      await tail
      await flushed
      isOpen = false
      opens = keepUncleanOpens ? uncleanOpens : 0
    },
    crash(keep = fragile.length) {
      crashes++
      for (const undo of isOpen ? fragile.slice(keep).toReversed() : []) undo()
      isOpen = false
      fragile = []
      tail = Promise.resolve()
      flushed = Promise.resolve()
    },
    dump: () =>
      Object.fromEntries(
        [...tables].map(([name, table]) => [
          name,
          Object.fromEntries(table.range({}).map(({ key, value }) => [toHex(key), toHex(value)])),
        ]),
      ),
    get,
    range: (table, range = {}) => inside(table).range(range),
    count: (table) => inside(table).size,
  }
  return store
}
