import { blockListDigest, createLister } from '../chunk/index.ts'
import { isMeshError, MeshError } from '../errors/index.ts'
import type { BlockList } from '../chunk/index.ts'
import type { Disk, StagedFile } from '../disk/index.ts'
import type { Digest, DigestThreads } from '../util/index.ts'
import type { ContentRef } from './judge.ts'
import type { AssembledContent, ContentSource } from './types.ts'

/** Content that is right and on the disk, and has no name yet. */
export interface Staged extends Pick<StagedFile, 'commit' | 'discard'> {
  /** Its blocks, where the statement names a list and they were found on the way. */
  readonly list?: BlockList
}

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

const blocksMismatch = (expected: ContentRef, found: Digest): ContentRefused =>
  new ContentRefused(
    new MeshError(
      'ERR_FILE_CONTENT_MISMATCH',
      `the content is right, but its block list has sha256:${found}, and its statement says ${expected.blocks}; sign it again`,
      { data: { digest: expected.digest, blocks: expected.blocks } },
    ),
  )

/**
 * Content that was put together of checked blocks and is on the disk already.
 *
 * @throws ContentRefused if it is not what the statement speaks of
 */
export const adoptContent = async (
  disk: Disk,
  assembled: AssembledContent,
  expected: ContentRef,
): Promise<Staged> => {
  const stat = await disk.stat(assembled.path)
  if (stat?.sizeBytes !== expected.sizeBytes || assembled.sizeBytes !== expected.sizeBytes) {
    throw mismatch(expected, { what: `has ${stat?.sizeBytes ?? 'no'} bytes` })
  }
  if (assembled.blocks !== expected.blocks) throw blocksMismatch(expected, assembled.blocks)
  return {
    async commit(path, { mode }) {
      await disk.setMode(assembled.path, mode)
      await disk.rename(assembled.path, path)
    },
    // Whoever put it together may go on with it, or takes it away.
    discard: async () => {},
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
  { disk, threads }: { readonly disk: Disk; readonly threads: DigestThreads },
  source: ContentSource,
  expected: ContentRef & { readonly mode: number },
  signal: AbortSignal,
): Promise<Staged> => {
  const digester = threads.create(expected)
  const staged = await disk.stage().catch((error: unknown) => {
    digester.close()
    throw error
  })
  // Where a list was signed, the content is cut on the way.
  const lister = expected.blocks === 'none' ? undefined : createLister()
  try {
    for await (const piece of pieces(source, signal)) {
      if (staged.sizeBytes + piece.length > expected.sizeBytes) {
        throw mismatch(expected, { what: 'is longer' })
      }
      // The digest, the blocks and the disk each take it at their own pace.
      const digested = digester.update(piece)
      const written = staged.write(piece)
      lister?.update(piece)
      await Promise.all([written, digested])
    }
    if (staged.sizeBytes < expected.sizeBytes) {
      throw mismatch(expected, { what: `ended after ${staged.sizeBytes} bytes` })
    }
    const digest = await digester.digest()
    if (digest !== expected.digest) throw mismatch(expected, { what: `has sha256:${digest}` })
    const list = lister?.end()
    if (list !== undefined) {
      const found = blockListDigest(list)
      if (found !== expected.blocks) throw blocksMismatch(expected, found)
    }
    await staged.flush(expected)
    const { commit, discard } = staged
    return { commit, discard, ...(list === undefined ? {} : { list }) }
  } catch (error) {
    await staged.discard()
    throw error
  } finally {
    digester.close()
  }
}
