/** A named table; make them with `table('name')` once, at the top of the module that owns it. */
export interface Table {
  /** Lower-case with dashes; unique in the daemon. */
  readonly name: string
}

export interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Keys from `start` (inclusive) to `end` (exclusive) in byte order. */
export interface Range {
  readonly start?: Uint8Array
  readonly end?: Uint8Array
  readonly reverse?: boolean
  readonly limit?: number
}

/**
 * Reads committed data, or inside a transaction its own writes too. Keys: 1 to 1,900 bytes. What is
 * returned belongs to the caller.
 */
export interface Reader {
  get(table: Table, key: Uint8Array): Uint8Array | undefined
  range(table: Table, range?: Range): Iterable<Entry>
  count(table: Table): number
}

/** Valid only while the callback it was handed to runs. */
export interface Transaction extends Reader {
  put(table: Table, key: Uint8Array, value: Uint8Array): void
  /** Whether there was such a key. */
  remove(table: Table, key: Uint8Array): boolean
}

export interface Store extends Reader {
  /**
   * How often it was opened in a row, before this time, by somebody who never closed it. From two
   * on, its whole content has been read once before it was opened.
   */
  readonly uncleanOpens: number
  /**
   * Opens, migrates; throws `ERR_STATE_CORRUPT`, `ERR_STATE_NEWER`, `ERR_STATE_UNUSABLE` or
   * `ERR_DISK_FULL`.
   */
  open(): Promise<void>
  /**
   * Runs `work` (synchronous) with exclusive write access. Rolled back if it throws, and then the
   * promise rejects with the same error; otherwise resolves with its result once durable. What
   * cannot be written rejects with `ERR_DISK_FULL` or `ERR_STATE_UNUSABLE`, and nothing is kept.
   */
  transaction<T>(work: (tx: Transaction) => T): Promise<T>
  /**
   * Waits for transactions under way. Idempotent. `keepUncleanOpens`: the count of them stays as it was
   * before this opening, for whoever acts on it next. @default false
   */
  close(options?: { keepUncleanOpens?: boolean }): Promise<void>
}
