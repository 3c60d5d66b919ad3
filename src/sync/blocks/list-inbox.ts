/** The block list of one content on its way in: none but the signed one, from whoever gives it first. */
import { MIN_CHUNK_BYTES } from '../../chunk/index.ts'
import { MeshError } from '../../errors/index.ts'
import { concatBytes, sha256 } from '../../util/index.ts'
import { HOLDER_ANSWER_TIMEOUT_MS, MAX_LIST_INBOX_BYTES, OVERTAKE_AFTER_MS } from '../limits.ts'
import { MIN_BLOCK_PIECE_BYTES } from '../limits.ts'
import { malformed } from '../wire.ts'
import type { Clock, Random } from '../../util/index.ts'
import type { ListPiece } from './messages.ts'
import type { Part } from './part.ts'
import type { ContentName } from './source.ts'

export interface ListInboxInit {
  readonly clock: Clock
  readonly random: Random
  readonly content: ContentName
  readonly sizeBytes: number
  /** It was asked and does not get on with the list. */
  readonly onSlow: (part: Part) => void
}

interface Asked {
  readonly atMs: number
  /** When it was asked, or gave a piece. */
  progressMs: number
  /** Of the list, as its first piece says. */
  sizeBytes: number | undefined
  readonly pieces: Uint8Array[]
  filled: number
  /** Nobody waits for it any more. What comes of it all the same is taken. */
  isLate: boolean
}

export class ListInbox {
  readonly #init: ListInboxInit
  readonly #asked = new Map<Part, Asked>()
  /** Asked, and what comes of them is not needed any more. */
  readonly #excused = new WeakSet<Part>()
  #isClosed = false
  #progressMs = Number.NEGATIVE_INFINITY

  constructor(init: ListInboxInit) {
    this.#init = init
  }

  /** When a piece came last. */
  get progressMs(): number {
    return this.#progressMs
  }

  /** Asks one that knows it, and twice as many each time that nothing comes of it. */
  askSome(parts: Iterable<Part>): void {
    if (this.#isClosed) return
    const nowMs = this.#init.clock.monotonicMs()
    for (const asked of this.#asked.values()) if (this.#isWaitedFor(asked, nowMs)) return
    const knowing = [...parts].filter((part) => {
      if (this.#asked.has(part) || this.#excused.has(part)) return false
      return part.have === 'all' || (typeof part.have === 'object' && part.have.length > 0)
    })
    for (let left = Math.max(1, this.#asked.size); left > 0 && knowing.length > 0; left--) {
      // Not in order: those that only say so may be many.
      const [part] = knowing.splice(this.#init.random.below(knowing.length), 1)
      if (part === undefined) return
      this.#asked.set(part, {
        ...{ atMs: nowMs, progressMs: nowMs, isLate: false },
        ...{ sizeBytes: undefined, pieces: [], filled: 0 },
      })
      part.term.asked = true
      part.linked.askList()
    }
  }

  /** Who moves is waited for, but not so long that it keeps out somebody faster. */
  #isWaitedFor({ atMs, progressMs }: Asked, nowMs: number): boolean {
    return nowMs - progressMs < OVERTAKE_AFTER_MS && nowMs - atMs < HOLDER_ANSWER_TIMEOUT_MS
  }

  /** The holder is gone. */
  leave(part: Part): void {
    this.#asked.delete(part)
  }

  /** The list is here: what still comes of it is not looked at. */
  close(): void {
    this.#isClosed = true
    for (const part of this.#asked.keys()) this.#excused.add(part)
    this.#asked.clear()
  }

  /** Now and then: tells of a holder that does not get on. */
  check(): void {
    const nowMs = this.#init.clock.monotonicMs()
    for (const [part, asked] of this.#asked) {
      if (asked.isLate || nowMs - asked.progressMs <= HOLDER_ANSWER_TIMEOUT_MS) continue
      asked.isLate = true
      this.#init.onSlow(part)
    }
  }

  /**
   * Takes a piece; answers with the whole list once it is here, and is closed then.
   *
   * @throws MeshError `ERR_PROTOCOL_MALFORMED`, `ERR_FILE_CONTENT_MISMATCH`: the holder's fault
   */
  take(part: Part, piece: ListPiece): Uint8Array | undefined {
    const asked = this.#asked.get(part)
    if (asked === undefined) {
      if (this.#excused.has(part)) return undefined
      throw malformed('a block list that was not asked for')
    }
    this.#check(asked, piece)
    // Copied: it is part of a frame.
    asked.pieces.push(Uint8Array.from(piece.bytes))
    asked.sizeBytes = piece.sizeBytes
    asked.filled += piece.bytes.length
    asked.progressMs = this.#init.clock.monotonicMs()
    this.#progressMs = asked.progressMs
    if (asked.filled === piece.sizeBytes) return this.#finish(part, asked)
    this.#makeRoom()
    return undefined
  }

  /** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
  #check(asked: Asked, { sizeBytes, offset, bytes }: ListPiece): void {
    // No list that fits the content is longer.
    const most = 6 + 36 * (Math.ceil(this.#init.sizeBytes / MIN_CHUNK_BYTES) + 1)
    if (sizeBytes > most) throw malformed(`a block list of ${sizeBytes} bytes, at most ${most}`)
    if (offset !== asked.filled || sizeBytes !== (asked.sizeBytes ?? sizeBytes)) {
      throw malformed('a block list whose pieces do not fit')
    }
    const isLast = offset + bytes.length === sizeBytes
    if (!isLast && bytes.length < MIN_BLOCK_PIECE_BYTES) {
      throw malformed(`a piece of ${bytes.length} bytes in the middle of a block list`)
    }
  }

  #finish(part: Part, { pieces }: Asked): Uint8Array {
    const { content } = this.#init
    const bytes = concatBytes(...pieces)
    this.#asked.delete(part)
    if (sha256(bytes) !== content.list) {
      throw new MeshError(
        'ERR_FILE_CONTENT_MISMATCH',
        `a peer sent a block list of ${content.name} that is not the one that was signed`,
      )
    }
    this.close()
    return bytes
  }

  /** Where too much has gathered, those go that are late, and then those that give the least. */
  #makeRoom(): void {
    const nowMs = this.#init.clock.monotonicMs()
    const rateOf = ({ filled, atMs }: Asked): number => filled / Math.max(1, nowMs - atMs)
    const holding = [...this.#asked]
      .filter(([, { filled }]) => filled > 0)
      .sort(([, a], [, b]) => Number(b.isLate) - Number(a.isLate) || rateOf(a) - rateOf(b))
    let bytes = holding.reduce((sum, [, { filled }]) => sum + filled, 0)
    for (const [part, { filled }] of holding) {
      if (bytes <= MAX_LIST_INBOX_BYTES) return
      this.#asked.delete(part)
      this.#excused.add(part)
      bytes -= filled
    }
  }
}
