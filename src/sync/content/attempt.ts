import { isMeshError, MeshError } from '../../errors/index.ts'
import { NotServed } from './holder-stream.ts'
import { createSegments } from './segments.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Content, ContentRef } from '../collection.ts'
import type { Holders } from './holders.ts'
import type { Segments } from './segments.ts'

export interface AttemptInit {
  readonly content: ContentRef
  readonly holders: Holders
  /** The holder to begin with. */
  readonly first: PeerId
  /** Bytes of one holder from an offset on; `hasChoice`: there is another one to go on with. */
  readonly read: (peer: PeerId, offset: number, hasChoice: () => boolean) => Content
  /**
   * Waits until somebody may be asked (again), with this many bytes here; `false`: it is not worth
   * waiting any longer.
   */
  readonly waitForHolder: (offset: number) => Promise<boolean>
  /** All bytes must come from one holder: a former attempt came out wrong. */
  readonly single: boolean
  readonly signal: AbortSignal
  readonly onFault: (peer: PeerId, error: unknown) => void
}

/** One attempt at one content, from as many holders as it takes. */
export interface Attempt {
  /** To be read once. Rejects with `ERR_FILE_CONTENT_MISSING` when holders run out. */
  readonly source: Content
  readonly segments: Segments
  /** Whether every byte has been delivered. */
  isComplete(): boolean
  /** The last holder that delivered anything. */
  lastPeer(): PeerId | undefined
}

export const createAttempt = (init: AttemptInit): Attempt => {
  const { content, holders, signal } = init
  const segments = createSegments()
  let offset = 0

  const nobody = (): MeshError =>
    new MeshError(
      'ERR_FILE_CONTENT_MISSING',
      `no connected peer delivers the content (${offset} of ${content.sizeBytes} bytes came)`,
    )

  const nextHolder = async (tried: Set<PeerId>): Promise<PeerId> => {
    for (;;) {
      const peer = holders.next(tried)
      if (peer !== undefined) return peer
      // What is here would be lost with this attempt: rather wait a while for somebody.
      if (offset === 0 || init.single || !(await init.waitForHolder(offset))) throw nobody()
      tried.clear()
    }
  }

  const note = (peer: PeerId, error: unknown): void => {
    if (error instanceof NotServed && error.reason === 'missing') holders.deny(peer)
    else holders.fail(peer)
    if (isMeshError(error)) init.onFault(peer, error)
  }

  async function* deliver(): Content {
    const tried = new Set<PeerId>()
    // Left once, a holder is not left again for being slow: the slowest of all is better than none.
    const hasChoice = (): boolean => !init.single && holders.hasClaimant(tried)
    let planned: PeerId | undefined = init.first
    while (offset < content.sizeBytes) {
      if (signal.aborted) throw new MeshError('ERR_ABORTED', 'the fetch was cancelled')
      if (offset > 0 && init.single) throw nobody()
      const peer: PeerId = planned ?? (await nextHolder(tried))
      planned = undefined
      tried.add(peer)
      const iterator = init.read(peer, offset, hasChoice)[Symbol.asyncIterator]()
      try {
        for (;;) {
          const next = await iterator.next().catch((error: unknown) => {
            if (!signal.aborted) note(peer, error)
            return { done: true as const, value: undefined }
          })
          if (next.done === true) break
          holders.claim(peer)
          segments.add(peer, offset, next.value)
          offset += next.value.length
          yield next.value
        }
      } finally {
        await iterator.return?.()
      }
    }
  }

  return {
    source: deliver(),
    segments,
    isComplete: () => offset === content.sizeBytes,
    lastPeer: () => segments.peers().at(-1),
  }
}
