import { isMeshError, MeshError } from '../errors/index.ts'
import { createDigester } from '../util/index.ts'
import type { Disk, StagedFile } from '../disk/index.ts'
import type { ContentRef } from './judge.ts'
import type { ContentSource } from './types.ts'

/** Content that is not what its statement says, or that never came whole: a verdict, not a failure. */
export class ContentRefused extends Error {
  readonly error: MeshError

  constructor(error: MeshError) {
    super(error.message)
    this.error = error
  }
}

const aborted = (): MeshError => new MeshError('ERR_ABORTED', 'taking in the content was cancelled')

const mismatch = (expected: ContentRef, found: { readonly what: string }): ContentRefused =>
  new ContentRefused(
    new MeshError(
      'ERR_FILE_CONTENT_MISMATCH',
      `the content ${found.what}; its statement says sha256:${expected.digest} of ${expected.sizeBytes} bytes`,
      { data: { digest: expected.digest, sizeBytes: expected.sizeBytes } },
    ),
  )

const sourceFailed = (error: unknown): ContentRefused =>
  new ContentRefused(
    isMeshError(error)
      ? error
      : new MeshError('ERR_STREAM_CLOSED', 'the content ended before it was complete', {
          cause: error,
        }),
  )

/** The pieces of `source`, until `signal` says stop: a source that hangs holds nobody up. */
async function* pieces(source: ContentSource, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  let stop: ((error: Error) => void) | undefined
  const onAbort = (): void => stop?.(aborted())
  signal.addEventListener('abort', onAbort)
  let ended = false
  try {
    for (;;) {
      if (signal.aborted) throw aborted()
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        stop = reject
        iterator.next().then(resolve, (error: unknown) => reject(sourceFailed(error)))
      })
      if (next.done) {
        ended = true
        return
      }
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not awaited: a source that hangs would hang here as well.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

/**
 * Streams content to a staged file and checks it on the way. Reads no piece after the one that
 * exceeds the stated size, and answers with a file whose bytes are on the disk.
 *
 * @throws ContentRefused if the content is not right or its source failed
 * @throws MeshError `ERR_ABORTED`, `ERR_DISK_FULL`, `ERR_STATE_UNUSABLE`
 */
export const stageContent = async (
  disk: Disk,
  source: ContentSource,
  expected: ContentRef & { readonly mode: number },
  signal: AbortSignal,
): Promise<StagedFile> => {
  const staged = await disk.stage()
  try {
    const digester = createDigester()
    for await (const piece of pieces(source, signal)) {
      if (staged.sizeBytes + piece.length > expected.sizeBytes) {
        throw mismatch(expected, { what: 'is longer' })
      }
      digester.update(piece)
      await staged.write(piece)
    }
    if (staged.sizeBytes < expected.sizeBytes) {
      throw mismatch(expected, { what: `ended after ${staged.sizeBytes} bytes` })
    }
    const digest = digester.digest()
    if (digest !== expected.digest) throw mismatch(expected, { what: `has sha256:${digest}` })
    await staged.flush(expected)
    return staged
  } catch (error) {
    await staged.discard()
    throw error
  }
}
