import { isMeshError, MeshError } from '../errors/index.ts'
import { shownPath } from './paths.ts'
import type { Disk } from '../disk/index.ts'
import type { FileName } from '../statement/index.ts'
import type { ContentSource } from './types.ts'

/** The bytes of the file that has this fingerprint, even if another takes its place meanwhile. */
export async function* streamShown(
  disk: Disk,
  name: FileName,
  fingerprint: string,
  options: { start?: number; end?: number; signal?: AbortSignal } = {},
): ContentSource {
  const path = shownPath(name)
  let begun = false
  try {
    for await (const chunk of disk.stream(path, { ...options, fingerprint })) {
      begun = true
      yield chunk
    }
  } catch (error) {
    const replaced =
      !begun &&
      isMeshError(error, 'ERR_STATE_UNUSABLE') &&
      (await disk.stat(path))?.fingerprint !== fingerprint
    if (!replaced) throw error
    throw new MeshError('ERR_FILE_CONTENT_MISSING', `${name} was just replaced; ask again`, {
      data: { name },
      cause: error,
    })
  }
}

/** Rejects when `signal` aborts; what was waited for goes on for others. */
export const unlessAborted = async <T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> => {
  if (signal === undefined) return promise
  const reason = (): MeshError => new MeshError('ERR_ABORTED', 'opening a file was cancelled')
  let onAbort = (): void => {}
  const abort = new Promise<never>((_, reject) => {
    onAbort = () => reject(reason())
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, abort])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
