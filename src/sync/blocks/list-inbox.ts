/** The block list of one content on its way in: from one holder at a time, and none but the signed one. */
import { MIN_CHUNK_BYTES } from '../../chunk/index.ts'
import { MeshError } from '../../errors/index.ts'
import { sha256 } from '../../util/index.ts'
import { HOLDER_ANSWER_TIMEOUT_MS } from '../limits.ts'
import { malformed } from '../wire.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Clock } from '../../util/index.ts'
import type { ListPiece } from './messages.ts'
import type { Part } from './part.ts'
import type { ContentName } from './source.ts'

export interface ListInboxInit {
  readonly clock: Clock
  readonly content: ContentName
  readonly sizeBytes: number
}

export class ListInbox {
  readonly #init: ListInboxInit
  #from:
    | { readonly part: Part; readonly atMs: number; bytes: Uint8Array; filled: number }
    | undefined
  /** Too slow once. */
  readonly #refused = new Set<PeerId>()

  constructor(init: ListInboxInit) {
    this.#init = init
  }

  /** Asks the first that knows it, unless somebody is asked already. */
  askOneOf(parts: Iterable<Part>): void {
    if (this.#from !== undefined) return
    for (const part of parts) {
      if (this.#refused.has(part.peer)) continue
      const knows = part.have === 'all' || (typeof part.have === 'object' && part.have.length > 0)
      if (!knows) continue
      const atMs = this.#init.clock.monotonicMs()
      this.#from = { part, atMs, bytes: new Uint8Array(), filled: 0 }
      part.linked.askList()
      return
    }
  }

  /** The holder is gone. */
  leave(part: Part): void {
    if (this.#from?.part === part) this.#from = undefined
  }

  /** Now and then: waits no longer for a holder that is too slow. */
  check(): void {
    const from = this.#from
    if (from === undefined) return
    if (this.#init.clock.monotonicMs() - from.atMs <= HOLDER_ANSWER_TIMEOUT_MS) return
    this.#refused.add(from.part.peer)
    this.#from = undefined
  }

  /**
   * Takes a piece; answers with the whole list once it is here. `isKnown`: nobody needs it any more.
   *
   * @throws MeshError `ERR_PROTOCOL_MALFORMED`, `ERR_FILE_CONTENT_MISMATCH`: the holder's fault
   */
  take(
    part: Part,
    { sizeBytes, offset, bytes }: ListPiece,
    isKnown: boolean,
  ): Uint8Array | undefined {
    const { content } = this.#init
    const from = this.#from
    if (from?.part !== part) {
      // It was too slow for us once, and this is what it sent all the same.
      if (this.#refused.has(part.peer) || isKnown) return undefined
      throw malformed('a block list that was not asked for')
    }
    // No list that fits the content is longer.
    const most = 6 + 36 * (Math.ceil(this.#init.sizeBytes / MIN_CHUNK_BYTES) + 1)
    if (sizeBytes > most) throw malformed(`a block list of ${sizeBytes} bytes, at most ${most}`)
    if (offset === 0) from.bytes = new Uint8Array(sizeBytes)
    if (offset !== from.filled || sizeBytes !== from.bytes.length) {
      throw malformed('a block list whose pieces do not fit')
    }
    from.bytes.set(bytes, offset)
    from.filled += bytes.length
    if (from.filled < sizeBytes) return undefined
    this.#from = undefined
    if (sha256(from.bytes) !== content.list) {
      throw new MeshError(
        'ERR_FILE_CONTENT_MISMATCH',
        `a peer sent a block list of ${content.name} that is not the one that was signed`,
      )
    }
    return from.bytes
  }
}
