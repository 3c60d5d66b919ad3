import { constants } from 'node:fs'
import { lstat, open, opendir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describeSystemError, systemErrorCode } from '../errors/index.ts'
import { directoryMode, fileMode } from './modes.ts'
import { readTar } from './read-tar.ts'
import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { ExtractInit } from './extract.ts'

/** Says which entry is not what the tar has, and in what. */
class Difference extends Error {}

const differs = (path: string, why: string): Difference =>
  new Difference(`${path === '' ? 'the tree itself' : JSON.stringify(path.slice(0, 200))} ${why}`)

/** With these the disk says that something is not as it was made; with others, that it has no time. */
const TELLING = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'EACCES', 'EIO', 'EINVAL', 'ENXIO']

/** Looks at one entry; what the disk says of it is a difference as well. */
const look = async <T>(path: string, work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (error) {
    if (!TELLING.includes(systemErrorCode(error))) throw error
    throw differs(path, `cannot be read: ${describeSystemError(error)}`)
  }
}

const checkMode = (path: string, found: Stats, wanted: number): void => {
  const mode = found.mode & 0o7777
  if (mode === wanted) return
  throw differs(path, `has the mode ${mode.toString(8)}, not ${wanted.toString(8)}`)
}

const checkDirectory = async (root: string, path: string, mode: number): Promise<void> => {
  const found = await look(path, lstat(join(root, path)))
  if (!found.isDirectory()) throw differs(path, 'is no directory')
  checkMode(path, found, directoryMode(mode))
}

/** The next bytes, as many as are there up to the length of `piece`. */
const readNext = async (file: FileHandle, wanted: number, offset: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafe(wanted)
  const { bytesRead } = await file.read(buffer, 0, wanted, offset)
  return buffer.subarray(0, bytesRead)
}

const compareContent = async (
  file: FileHandle,
  path: string,
  content: AsyncIterable<Uint8Array>,
): Promise<void> => {
  let offset = 0
  for await (const piece of content) {
    for (let at = 0; at < piece.length; ) {
      const found = await look(path, readNext(file, piece.length - at, offset))
      if (found.length === 0) throw differs(path, 'is too short')
      if (found.compare(piece, at, at + found.length) !== 0) {
        throw differs(path, 'has other bytes')
      }
      at += found.length
      offset += found.length
    }
  }
  if ((await look(path, readNext(file, 1, offset))).length > 0) throw differs(path, 'is too long')
}

/** Entries below a directory; ends where there are more than `most`. */
const countEntries = async (path: string, most: number, signal: AbortSignal): Promise<number> => {
  signal.throwIfAborted()
  let count = 0
  for await (const entry of await opendir(path)) {
    count++
    if (count > most) break
    if (entry.isDirectory()) count += await countEntries(join(path, entry.name), most, signal)
  }
  return count
}

/**
 * Holds the tree below `root` against the tar that it was made of: every entry, its kind, mode and
 * content, and that there is nothing else. Changes nothing.
 *
 * @returns what is different first, in words that read on from the name of the tree; `undefined`: nothing
 * @throws as {@link readTar} does
 */
export const compareTar = async (
  content: AsyncIterable<Uint8Array>,
  root: string,
  init: ExtractInit,
): Promise<string | undefined> => {
  const { mode, signal } = init
  try {
    await readTar(
      content,
      {
        async directories(paths) {
          for (const path of paths) await checkDirectory(root, path, mode)
        },
        async link(path, target) {
          const found = await look(path, readlink(join(root, path)))
          if (found !== target) throw differs(path, `leads to ${JSON.stringify(found)}`)
        },
        async file(path, bytes, { program }) {
          // Something else may lie there by now, even what waits for somebody to write into it.
          const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
          const file = await look(path, open(join(root, path), flags))
          try {
            const found = await file.stat()
            if (!found.isFile()) throw differs(path, 'is no plain file')
            checkMode(path, found, fileMode(mode, program))
            await compareContent(file, path, bytes)
          } finally {
            await file.close()
          }
        },
        async finish(entries) {
          await checkDirectory(root, '', mode)
          const found = await look('', countEntries(root, entries, signal))
          if (found > entries) throw differs('', 'holds more than the tar does')
        },
      },
      init,
    )
    return undefined
  } catch (error) {
    if (error instanceof Difference) return error.message
    throw error
  }
}
