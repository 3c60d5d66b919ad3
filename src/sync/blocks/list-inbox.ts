/** The block list of one content on its way in: none but the signed one, from whoever gives it first. */
import { MAX_BLOCK_LIST_BYTES, MIN_CHUNK_BYTES } from '../../chunk/index.ts'
import { MeshError } from '../../errors/index.ts'
import { sha256 } from '../../util/index.ts'
import { HOLDER_ANSWER_TIMEOUT_MS, OVERTAKE_AFTER_MS } from '../limits.ts'
import { malformed } from '../wire.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Clock, Random } from '../../util/index.ts'
import type { ListPiece } from './messages.ts'
import type { Part } from './part.ts'
import type { ContentName } from './source.ts'

export interface ListInboxInit {
  readonly clock: Clock
  readonly random: Random
  readonly content: ContentName
  readonly sizeBytes: number
  /** It was asked and did not give the list in time. */
  readonly onSlow: (part: Part) => void
}

interface Asked {
  readonly atMs: number
  /** When it was asked, or gave a piece. */
  progressMs: number
  bytes: Uint8Array
  filled: number
}

export class ListInbox {
  readonly #init: ListInboxInit
  readonly #asked = new Map<Part, Asked>()
  /** Too slow once. */
  readonly #refused = new Set<PeerId>()

  constructor(init: ListInboxInit) {
    this.#init = init
  }

  /** Asks one that knows it, and twice as many each time that nothing comes of it. */
  askSome(parts: Iterable<Part>): void {
    const nowMs = this.#init.clock.monotonicMs()
    let filledBytes = 0
    for (const { progressMs, filled } of this.#asked.values()) {
      if (nowMs - progressMs < OVERTAKE_AFTER_MS) return
      filledBytes += filled
    }
    if (filledBytes > MAX_BLOCK_LIST_BYTES) return
    const knowing = [...parts].filter((part) => {
      if (this.#refused.has(part.peer) || this.#asked.has(part)) return false
      return part.have === 'all' || (typeof part.have === 'object' && part.have.length > 0)
    })
    for (let left = Math.max(1, this.#asked.size); left > 0 && knowing.length > 0; left--) {
      // Not in order: those that only say so may be many.
      const [part] = knowing.splice(this.#init.random.below(knowing.length), 1)
      if (part === undefined) return
      this.#asked.set(part, { atMs: nowMs, progressMs: nowMs, bytes: new Uint8Array(), filled: 0 })
      part.term.asked = true
      part.linked.askList()
    }
  }

  /** The holder is gone. */
  leave(part: Part): void {
    this.#asked.delete(part)
  }

  /** Now and then: waits no longer for a holder that is too slow. */
  check(): void {
    const nowMs = this.#init.clock.monotonicMs()
    for (const [part, { atMs }] of [...this.#asked]) {
      if (nowMs - atMs <= HOLDER_ANSWER_TIMEOUT_MS) continue
      this.#refused.add(part.peer)
      this.#asked.delete(part)
      this.#init.onSlow(part)
    }
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
    const asked = this.#asked.get(part)
    if (asked === undefined) {
      // It was too slow for us once, and this is what it sent all the same.
      if (this.#refused.has(part.peer) || isKnown) return undefined
      throw malformed('a block list that was not asked for')
    }
    // No list that fits the content is longer.
    const most = 6 + 36 * (Math.ceil(this.#init.sizeBytes / MIN_CHUNK_BYTES) + 1)
    if (sizeBytes > most) throw malformed(`a block list of ${sizeBytes} bytes, at most ${most}`)
    if (offset === 0) asked.bytes = new Uint8Array(sizeBytes)
    if (offset !== asked.filled || sizeBytes !== asked.bytes.length) {
      throw malformed('a block list whose pieces do not fit')
    }
    asked.bytes.set(bytes, offset)
    asked.filled += bytes.length
    asked.progressMs = this.#init.clock.monotonicMs()
    if (asked.filled < sizeBytes) return undefined
    this.#asked.delete(part)
    if (sha256(asked.bytes) !== content.list) {
      throw new MeshError(
        'ERR_FILE_CONTENT_MISMATCH',
        `a peer sent a block list of ${content.name} that is not the one that was signed`,
      )
    }
    this.#asked.clear()
    return asked.bytes
  }
}
