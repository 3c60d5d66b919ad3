/** What tells whether a file has been touched since it was last looked at. */
export interface FileStat {
  readonly sizeBytes: number
  /** Inode, size, and times in nanoseconds as one string; equal means untouched. */
  readonly fingerprint: string
}

/** A file being written in `tmp/`, invisible until committed. */
export interface StagedFile {
  readonly sizeBytes: number
  /**
   * Appends, without copying: the bytes belong to the file from here on. Resolves when there is room for
   * more, so awaiting it is back-pressure; what fails may show at a later call, at `flush` or `commit` at
   * the latest.
   */
  write(chunk: Uint8Array): Promise<void>
  /**
   * Waits until what was written is on the disk, so that `commit` with the same mode has little left
   * to do.
   */
  flush(options: { mode: number }): Promise<void>
  /** Durably moves the file to `path` (relative to the root), replacing what is there. */
  commit(path: string, options: { mode: number }): Promise<void>
  /** Removes it. Does nothing after `commit` or a former `discard`. */
  discard(): Promise<void>
}

/** An opened file, the same one until it is closed whatever takes its name meanwhile. */
export interface OpenedFile {
  readonly sizeBytes: number
  readonly fingerprint: string
  /**
   * Bytes `start` to `start + length`, fewer where the file ends; in `into`, if that is given and has
   * room for them.
   */
  read(start: number, length: number, into?: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

/** A file that is written in any order, under a name of its own from the beginning. */
export interface WorkFile {
  /** Relative to the root. */
  readonly path: string
  /**
   * Bytes `start` to `start + length`, fewer where the file ends; zeros where nothing was written. In
   * `into`, if that is given and has room for them.
   */
  read(start: number, length: number, into?: Uint8Array): Promise<Uint8Array>
  /** Writes over what is at `start`. Not durable before `sync`. */
  write(bytes: Uint8Array, start: number): Promise<void>
  /** Resolves when everything written so far is on the disk. */
  sync(): Promise<void>
  /** Durably gives it its mode. */
  setMode(mode: number): Promise<void>
  /**
   * Whether the disk has refused anything of it; known for good after `close`. Do not go on with it then,
   * though it may read right: the system tells only once of a write that was lost, and whoever opens the
   * file again would have its fsync succeed.
   */
  readonly hasFailed: boolean
  /** Idempotent. */
  close(): Promise<void>
}

/** A directory tree; every path is relative to its root, with `/` between parts. */
export interface Disk {
  /** Absolute path, for messages; a memory disk says `memory:`. */
  readonly root: string
  /** Opens or makes the tree and clears `tmp/`. */
  open(): Promise<void>
  stage(): Promise<StagedFile>
  /** The bytes, or `undefined` if there is no such file; more than `maxBytes` is `ERR_LIMIT_EXCEEDED`. */
  read(path: string, options: { maxBytes: number }): Promise<Uint8Array | undefined>
  /** Durably replaces or creates a small file. */
  write(path: string, bytes: Uint8Array, options: { mode: number }): Promise<void>
  /**
   * Durably makes a file for this user only, where nobody counts on what is at `path` until this
   * resolves: a crash before may leave it with any content. Its bytes and its name become durable at the
   * same time, which takes half as long as one after the other.
   */
  add(path: string, bytes: Uint8Array): Promise<void>
  /**
   * Bytes `start` to `end` (exclusive) in chunks of at most 256 KiB. With `fingerprint`, fails before
   * the first byte if the file is not the one that had it; what is opened stays the same to the end.
   */
  stream(
    path: string,
    options?: { start?: number; end?: number; signal?: AbortSignal; fingerprint?: string },
  ): AsyncIterable<Uint8Array>
  /** A regular file, or `undefined` if there is none. Whoever opens it closes it. */
  openFile(path: string): Promise<OpenedFile | undefined>
  /**
   * Opens a file of `sizeBytes` to be written in any order; durably makes it where it is missing, for
   * this user only. What is there keeps its content as far as the size goes.
   */
  edit(path: string, options: { sizeBytes: number }): Promise<WorkFile>
  /** Bytes that may still be written. */
  freeBytes(): Promise<number>
  /** Of anything that is not a directory, without following links; `undefined` if there is nothing. */
  stat(path: string): Promise<FileStat | undefined>
  /** Does nothing if there is no such file. */
  setMode(path: string, mode: number): Promise<void>
  /** Durable; `to` is replaced; directories that `from` leaves empty are removed. */
  rename(from: string, to: string): Promise<void>
  /**
   * Durable; a second name for the same file, in place of what is at `to`. The file's fingerprint
   * changes. Renaming one name of a file to the other does nothing: remove one of them.
   */
  link(from: string, to: string): Promise<void>
  /** Durable; removes directories that become empty; does nothing if there is no such file. */
  remove(path: string): Promise<void>
  /** Paths (relative to the root) of all that is below `directory` and is no directory, in no order. */
  list(directory: string): Promise<string[]>
  /** The same with what `stat` says of each; cheaper than asking one by one. */
  survey(directory: string): Promise<Map<string, FileStat>>
}
