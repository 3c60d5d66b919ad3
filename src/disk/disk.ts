import { basename, dirname, join, resolve } from 'node:path'
import { MeshError } from '../errors/index.ts'
import { createDirectories } from './directories.ts'
import { diskFailure, hasSystemCode, isAbsent } from './failure.ts'
import { systemFileSystem } from './file-system.ts'
import { checkPath, parentOf } from './paths.ts'
import { createStagedFile } from './staged.ts'
import { listTree, surveyTree } from './tree.ts'
import { createWorkFile, readAt } from './work-file.ts'
import type { Directories } from './directories.ts'
import type { FileSystem, Handle, NodeStat } from './file-system.ts'
import type { StagingTree } from './staged.ts'
import type { Tree } from './tree.ts'
import type { Disk, FileStat, OpenedFile, StagedFile, WorkFile } from './types.ts'

/** Largest piece that `stream` hands out; bounds what one slow reader holds in memory. */
export const STREAM_CHUNK_BYTES = 256 * 2 ** 10
/** Where files are written before they have a name. */
const TMP = 'tmp'
/** A rename is tried again this often when a neighbour prunes the directory it goes into. */
const MAX_PLACE_ATTEMPTS = 5

export interface DiskInit {
  /**
   * Top-level directories that other users of the machine may enter (0755); all others are 0700.
   * @default ['files', 'statements']
   */
  readonly publicDirectories?: readonly string[]
  /** @default the machine's own */
  readonly fileSystem?: FileSystem
}

/** A disk in the directory `root`, which is made if it is missing. */
export const createDisk = (root: string, init: DiskInit = {}): Disk =>
  new TreeDisk(resolve(root), init)

const aborted = (path: string): MeshError =>
  new MeshError('ERR_ABORTED', `reading ${path} was cancelled`)

class TreeDisk implements Disk {
  #root: string
  readonly #fileSystem: FileSystem
  readonly #public: ReadonlySet<string>
  #directories: Directories
  #staged = 0

  constructor(root: string, init: DiskInit) {
    this.#root = root
    this.#fileSystem = init.fileSystem ?? systemFileSystem
    this.#public = new Set(init.publicDirectories ?? ['files', 'statements'])
    this.#directories = this.#below(root)
  }

  get root(): string {
    return this.#root
  }

  #below(root: string): Directories {
    const isPublic = (directory: string): boolean => this.#public.has(directory.split('/')[0] ?? '')
    return createDirectories(this.#fileSystem, root, isPublic)
  }

  /** Runs `work` and says in our words what the system refused. */
  async #doing<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw diskFailure(error, what, join(this.#root, path))
    }
  }

  readonly #staging: StagingTree = {
    doing: (what, path, work) => this.#doing(what, path, work),
    place: (from, to) => this.#place(from, to),
    unlink: (path) => this.#unlink(path).then(() => undefined),
  }

  async open(): Promise<void> {
    await this.#doing('open', '', async () => {
      await this.#makeRoot(this.#root)
      // The root itself may be reached through links (systemd makes one); what is below may not.
      this.#root = await this.#fileSystem.realpath(this.#root)
      this.#directories = this.#below(this.#root)
      const tmp = await this.#directories.make(TMP)
      for (const { name, kind } of await this.#fileSystem.list(tmp)) {
        if (kind === 'directory') await this.#fileSystem.removeDirectory(join(tmp, name))
        else await this.#fileSystem.unlink(join(tmp, name))
      }
    })
  }

  async #makeRoot(path: string): Promise<void> {
    try {
      await this.#fileSystem.realpath(path)
    } catch (error) {
      if (!hasSystemCode(error, 'ENOENT') || dirname(path) === path) throw error
      await this.#makeRoot(dirname(path))
      await this.#fileSystem.makeDirectory(path, 0o755).catch((failure: unknown) => {
        if (!hasSystemCode(failure, 'EEXIST')) throw failure
      })
    }
  }

  async stage(): Promise<StagedFile> {
    const name = `${TMP}/${++this.#staged}`
    return this.#doing('create', name, async () => {
      // `open` made sure of tmp, which nobody else enters: no need to look at it for each file.
      const handle = await this.#fileSystem.create(join(this.#root, name))
      return createStagedFile(this.#staging, name, handle)
    })
  }

  async read(path: string, { maxBytes }: { maxBytes: number }): Promise<Uint8Array | undefined> {
    const handle = await this.#openFile(path)
    if (handle === undefined) return undefined
    return this.#doing('read', path, async () => {
      try {
        const tooLong = (): MeshError =>
          new MeshError('ERR_LIMIT_EXCEEDED', `${path} is longer than ${maxBytes} bytes`, {
            data: { path, maxBytes },
          })
        const { sizeBytes } = await handle.stat()
        if (sizeBytes > maxBytes) throw tooLong()
        // One byte more than it should have, so that a file that grows is noticed.
        const buffer = Buffer.alloc(sizeBytes + 1)
        let at = 0
        for (;;) {
          const count = await handle.read(buffer.subarray(at), at)
          at += count
          if (at > sizeBytes) throw tooLong()
          if (count === 0) return buffer.subarray(0, at)
        }
      } finally {
        await handle.close()
      }
    })
  }

  /** A regular file, or `undefined` if there is nothing. */
  async #openFile(path: string): Promise<Handle | undefined> {
    return (await this.#openStated(path))?.handle
  }

  async #openStated(path: string): Promise<{ handle: Handle; stat: NodeStat } | undefined> {
    checkPath(path)
    return this.#doing('open', path, async () => {
      try {
        const handle = await this.#fileSystem.open(
          join(await this.#directories.enter(parentOf(path)), basename(path)),
        )
        const stat = await handle.stat()
        if (stat.kind === 'file') return { handle, stat }
        await handle.close()
      } catch (error) {
        if (isAbsent(error)) return undefined
        throw error
      }
      throw new Error('it is not a regular file')
    })
  }

  async openFile(path: string): Promise<OpenedFile | undefined> {
    const opened = await this.#openStated(path)
    if (opened === undefined) return undefined
    const { handle, stat } = opened
    const { sizeBytes, fingerprint } = stat
    return {
      sizeBytes,
      fingerprint,
      read: (start, length, into) =>
        this.#doing('read', path, () =>
          readAt(handle, { start, length: Math.min(length, sizeBytes - start), into }),
        ),
      close: () => handle.close(),
    }
  }

  async edit(path: string, { sizeBytes }: { sizeBytes: number }): Promise<WorkFile> {
    checkPath(path)
    return this.#doing('write', path, async () => {
      const absolute = join(await this.#directories.make(parentOf(path)), basename(path))
      const handle = await this.#fileSystem.openToWrite(absolute).catch(async (error: unknown) => {
        if (!hasSystemCode(error, 'ENOENT')) throw error
        const made = await this.#fileSystem.create(absolute)
        await this.#directories.sync(parentOf(path)).catch(async (failure: unknown) => {
          await made.close()
          throw failure
        })
        return made
      })
      try {
        const found = await handle.stat()
        if (found.kind !== 'file') throw new Error('it is not a regular file')
        // The system may take the room only when it is written to: a full disk shows then.
        if (found.sizeBytes !== sizeBytes) await handle.resize(sizeBytes)
        return createWorkFile((what, work) => this.#doing(what, path, work), path, handle)
      } catch (error) {
        await handle.close()
        throw error
      }
    })
  }

  freeBytes(): Promise<number> {
    return this.#doing('look at', '', () => this.#fileSystem.freeBytes(this.#root))
  }

  async write(path: string, bytes: Uint8Array, options: { mode: number }): Promise<void> {
    checkPath(path)
    const staged = await this.stage()
    try {
      await staged.write(bytes)
      await staged.commit(path, options)
    } finally {
      await staged.discard()
    }
  }

  async add(path: string, bytes: Uint8Array): Promise<void> {
    const directory = parentOf(checkPath(path))
    const staged = `${TMP}/${++this.#staged}`
    await this.#doing('write', path, async () => {
      const handle = await this.#fileSystem.create(join(this.#root, staged))
      let at = staged
      try {
        for (let left = bytes; left.length > 0; ) {
          left = left.subarray(await handle.write([left]))
        }
        await this.#move(staged, path)
        at = path
        const synced = [handle.sync(), this.#directories.sync(directory)]
        // Both have ended before anything else is done with the file.
        await Promise.allSettled(synced)
        await Promise.all(synced)
      } catch (error) {
        await this.#unlink(at).catch(() => {})
        throw error
      } finally {
        await handle.close()
      }
    })
  }

  async *stream(
    path: string,
    options: { start?: number; end?: number; signal?: AbortSignal; fingerprint?: string } = {},
  ): AsyncIterable<Uint8Array> {
    const { start = 0, signal, fingerprint } = options
    if (signal?.aborted) throw aborted(path)
    const opened = await this.#openStated(path)
    if (opened === undefined) {
      throw new MeshError('ERR_STATE_UNUSABLE', `there is no file ${join(this.#root, path)}`, {
        data: { path },
      })
    }
    const { handle, stat } = opened
    const end = Math.min(options.end ?? stat.sizeBytes, stat.sizeBytes)
    try {
      if (fingerprint !== undefined && stat.fingerprint !== fingerprint) {
        throw new MeshError('ERR_STATE_UNUSABLE', `${path} was replaced or changed meanwhile`, {
          data: { path },
        })
      }
      for (let at = start; at < end; ) {
        if (signal?.aborted) throw aborted(path)
        const chunk = Buffer.allocUnsafe(Math.min(STREAM_CHUNK_BYTES, end - at))
        const position = at
        const count = await this.#doing('read', path, () => handle.read(chunk, position))
        if (count === 0) return
        at += count
        yield chunk.subarray(0, count)
      }
    } finally {
      await handle.close()
    }
  }

  async stat(path: string): Promise<FileStat | undefined> {
    checkPath(path)
    return this.#doing('look at', path, async () => {
      try {
        const { kind, sizeBytes, fingerprint } = await this.#fileSystem.stat(
          join(await this.#directories.enter(parentOf(path)), basename(path)),
        )
        return kind === 'directory' ? undefined : { sizeBytes, fingerprint }
      } catch (error) {
        if (isAbsent(error)) return undefined
        throw error
      }
    })
  }

  async setMode(path: string, mode: number): Promise<void> {
    const handle = await this.#openFile(path)
    if (handle === undefined) return
    await this.#doing('change the mode of', path, async () => {
      try {
        await handle.setMode(mode)
        await handle.sync()
      } finally {
        await handle.close()
      }
    })
  }

  async rename(from: string, to: string): Promise<void> {
    checkPath(from)
    await this.#doing('move', from, async () => {
      await this.#place(from, to)
      await this.#directories.prune(parentOf(from))
    })
  }

  async #place(from: string, to: string): Promise<void> {
    await this.#move(from, to)
    await this.#directories.sync(parentOf(to))
    // What is staged never had a durable name, so only a real one has to be forgotten durably.
    const former = parentOf(from)
    if (former !== TMP && former !== parentOf(to)) await this.#directories.sync(former)
  }

  async #move(from: string, to: string): Promise<void> {
    checkPath(to)
    for (let attempt = 1; ; attempt++) {
      try {
        const target = join(await this.#directories.make(parentOf(to)), basename(to))
        const former = parentOf(from)
        const source =
          former === TMP ? join(this.#root, TMP) : await this.#directories.enter(former)
        await this.#fileSystem.rename(join(source, basename(from)), target)
        break
      } catch (error) {
        // A neighbour that has just removed the last file of the directory may have pruned it.
        if (!hasSystemCode(error, 'ENOENT') || attempt === MAX_PLACE_ATTEMPTS) throw error
      }
    }
  }

  async link(from: string, to: string): Promise<void> {
    checkPath(from)
    checkPath(to)
    await this.#doing('link', from, async () => {
      const source = join(await this.#directories.enter(parentOf(from)), basename(from))
      await this.#unlink(to)
      for (let attempt = 1; ; attempt++) {
        try {
          const target = join(await this.#directories.make(parentOf(to)), basename(to))
          await this.#fileSystem.link(source, target)
          break
        } catch (error) {
          // As in a rename: a neighbour may just have pruned the directory.
          if (!hasSystemCode(error, 'ENOENT') || attempt === MAX_PLACE_ATTEMPTS) throw error
        }
      }
      await this.#directories.sync(parentOf(to))
    })
  }

  async remove(path: string): Promise<void> {
    checkPath(path)
    await this.#doing('remove', path, async () => {
      if (!(await this.#unlink(path))) return
      await this.#directories.sync(parentOf(path))
      await this.#directories.prune(parentOf(path))
    })
  }

  /** Whether there was something. */
  async #unlink(path: string): Promise<boolean> {
    try {
      const directory = await this.#directories.enter(parentOf(path))
      await this.#fileSystem.unlink(join(directory, basename(path)))
      return true
    } catch (error) {
      if (isAbsent(error)) return false
      throw error
    }
  }

  async list(directory: string): Promise<string[]> {
    checkPath(directory)
    return this.#doing('list', directory, () => listTree(this.#tree(), directory))
  }

  async survey(directory: string): Promise<Map<string, FileStat>> {
    checkPath(directory)
    return this.#doing('list', directory, () => surveyTree(this.#tree(), directory))
  }

  #tree(): Tree {
    return { fileSystem: this.#fileSystem, directories: this.#directories }
  }
}
