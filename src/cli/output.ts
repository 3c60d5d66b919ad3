import { link, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describeSystemError, MeshError, systemErrorCode } from '../errors/index.ts'
import { toHex } from '../util/index.ts'
import type { Random } from '../util/index.ts'

export interface OutputOptions {
  /** Permission bits, as 0o600. */
  readonly mode: number
  /** Whether a file that is there already may be replaced. */
  readonly force: boolean
}

const unwritable = (path: string, cause: unknown): MeshError => {
  return new MeshError(
    'ERR_INPUT_UNREADABLE',
    `${path} cannot be written: ${describeSystemError(cause)}`,
    {
      data: { path },
      cause,
    },
  )
}

/** A file being written beside its place; it appears there whole, or not at all. */
export interface PendingFile {
  write(bytes: Uint8Array): Promise<void>
  /** @throws MeshError `ERR_OUTPUT_EXISTS` */
  commit(): Promise<void>
  /** Removes it; does nothing after `commit`. */
  discard(): Promise<void>
}

/** Starts a file that will be at `path`. */
export const stageFile = async (
  path: string,
  { mode, force }: OutputOptions,
  random: Random,
): Promise<PendingFile> => {
  const directory = dirname(path)
  const temporary = join(directory, `.${basename(path).slice(0, 200)}.${toHex(random.bytes(6))}`)
  const file = await open(temporary, 'wx', mode).catch((error: unknown) => {
    throw unwritable(path, error)
  })
  let open_ = true
  const discard = async (): Promise<void> => {
    if (!open_) return
    open_ = false
    await file.close()
    await rm(temporary, { force: true })
  }
  return {
    async write(bytes) {
      await file.writeFile(bytes).catch((error: unknown) => {
        throw unwritable(path, error)
      })
    },
    async commit() {
      try {
        await file.chmod(mode)
        await file.sync()
        await file.close()
        open_ = false
        if (force) return await rename(temporary, path)
        // Unlike rename, a link never replaces what came to be there meanwhile.
        await link(temporary, path)
        await rm(temporary)
      } catch (error) {
        if (open_) await discard()
        else await rm(temporary, { force: true })
        if (systemErrorCode(error) !== 'EEXIST') throw unwritable(path, error)
        throw new MeshError('ERR_OUTPUT_EXISTS', `${path} is there already; --force replaces it`, {
          data: { path },
        })
      }
    },
    discard,
  }
}

/**
 * Writes a small file: whole, or not at all.
 *
 * @throws MeshError `ERR_OUTPUT_EXISTS`, `ERR_INPUT_UNREADABLE`
 */
export const writeOutput = async (
  path: string,
  text: string,
  options: OutputOptions,
  random: Random,
): Promise<void> => {
  const file = await stageFile(path, options, random)
  try {
    await file.write(Buffer.from(text))
    await file.commit()
  } finally {
    await file.discard()
  }
}

/** Makes a private directory for what passes through. */
export const makeScratch = async (
  base: string,
  random: Random,
): Promise<{ readonly path: string; remove(): Promise<void> }> => {
  const path = join(base, `mesh-${toHex(random.bytes(8))}`)
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    throw unwritable(path, error)
  })
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
