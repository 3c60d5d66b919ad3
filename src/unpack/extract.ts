import { constants } from 'node:fs'
import { mkdir, open, opendir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { directoryMode, fileMode } from './modes.ts'
import { readTar } from './read-tar.ts'
import type { TarInit } from './read-tar.ts'

export interface ExtractInit extends TarInit {
  /** Permission bits of plain files; directories and what may be run have `x` where these have `r`. */
  readonly mode: number
}

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path)
  await directory.sync().finally(() => directory.close())
}

/** Makes all directories durable, the innermost first. */
const syncTree = async (path: string, signal: AbortSignal): Promise<void> => {
  signal.throwIfAborted()
  for await (const entry of await opendir(path)) {
    if (entry.isDirectory()) await syncTree(join(path, entry.name), signal)
  }
  await syncDirectory(path)
}

/** Whatever the umask is. */
const setMode = async (path: string, mode: number): Promise<void> => {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  await handle.chmod(mode).finally(() => handle.close())
}

/**
 * Unpacks a tar into the directory `root`, which is there and empty, and makes all of it durable.
 * Nothing is made through a link, and neither owners nor times nor special permissions are taken over.
 *
 * @throws as {@link readTar} does; `root` holds some of the tree then
 */
export const extractTar = (
  content: AsyncIterable<Uint8Array>,
  root: string,
  init: ExtractInit,
): Promise<{ readonly entries: number; readonly bytes: number }> => {
  const { mode, signal } = init
  return readTar(
    content,
    {
      async directories(paths) {
        for (const path of paths) {
          const made = join(root, path)
          await mkdir(made, { mode: 0o700 })
          await setMode(made, directoryMode(mode))
        }
      },
      link: (path, target) => symlink(target, join(root, path)),
      async file(path, bytes, { program }) {
        const file = await open(join(root, path), 'wx', 0o600)
        try {
          for await (const piece of bytes) await file.writeFile(piece)
          await file.chmod(fileMode(mode, program))
          await file.sync()
        } finally {
          await file.close()
        }
      },
      async finish() {
        await setMode(root, directoryMode(mode))
        await syncTree(root, signal)
      },
    },
    init,
  )
}
