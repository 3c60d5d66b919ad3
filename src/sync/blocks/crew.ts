/** The holders that take part in one fetch: who comes in, what they say they have, and who has to go. */
import { isMeshError, type MeshError } from '../../errors/index.ts'
import { HOLDER_TRIAL_MS, MAX_CONTENT_HOLDERS, MAX_RETRACTIONS, MIN_RATE_BYTES } from '../limits.ts'
import { malformed } from '../wire.ts'
import { createMeter } from './meter.ts'
import { hasBlock, isSource } from './part.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Clock } from '../../util/index.ts'
import type { BoundedSet } from '../bounded-set.ts'
import type { Holders } from '../content/holders.ts'
import type { Bitmap } from './bitmap.ts'
import type { Link } from './link.ts'
import type { ListPiece } from './messages.ts'
import type { Part } from './part.ts'
import type { Parts } from './parts.ts'
import type { Schedule } from './schedule.ts'
import type { ContentName } from './source.ts'

/** Where holders of one content come from. */
export interface Recruiting {
  readonly holders: Holders
  /** Peers that said that they want it as well; the fetch adds to them. */
  readonly interested: BoundedSet<PeerId>
  /**
   * Peers that may have some of it, the likeliest first; `isHungry`: those of which nothing is known as
   * well.
   */
  readonly candidates: (isHungry: boolean) => readonly PeerId[]
  /** The link to a peer; `undefined`: there is no room for it, or it is not to be asked now. */
  readonly linkTo: (peer: PeerId) => Link | undefined
}

export interface CrewInit extends Recruiting {
  readonly clock: Clock
  readonly content: ContentName
  readonly parts: Parts
  readonly schedule: Schedule
  /** Of the content; `undefined`: the list is not here yet. */
  readonly countBlocks: () => number | undefined
  readonly onList: (part: Part, piece: ListPiece) => void
  readonly onBlock: (part: Part, index: number, bytes: Uint8Array) => Promise<void>
  readonly onLeft: (part: Part) => void
  /** Somebody has something else than before, or is gone. */
  readonly onNews: () => void
}

/** Whether the link makes room for another one when this content leaves it. */
const isOnlyUser = ({ link }: Part): boolean => link.users() === 1

export class Crew {
  readonly #init: CrewInit

  constructor(init: CrewInit) {
    this.#init = init
  }

  /** Takes in whoever may have some of it, in the place of those who are of no use if need be. */
  recruit(isHungry: boolean): void {
    const { parts, candidates, linkTo } = this.#init
    for (const peer of candidates(isHungry)) {
      if (parts.get(peer) !== undefined) continue
      if (parts.size >= MAX_CONTENT_HOLDERS && !this.#makeRoom(() => true)) return
      const link = linkTo(peer) ?? (this.#makeRoom(isOnlyUser) ? linkTo(peer) : undefined)
      // The next one may have a link that is there already.
      if (link !== undefined) this.#join(link)
    }
  }

  leaveAll(): void {
    for (const part of [...this.#init.parts.all()]) this.#leave(part)
  }

  /** Whether it had its time and gave next to nothing; begins another term for one that did give. */
  #isIdle(part: Part): boolean {
    const nowMs = this.#init.clock.monotonicMs()
    const { term, have } = part
    if (nowMs - term.sinceMs < HOLDER_TRIAL_MS) return false
    // Nobody has asked it for anything that it has.
    if (!term.asked && (have === 'all' || (typeof have === 'object' && have.count > 0)))
      return false
    if (part.term.bytes < MIN_RATE_BYTES) return true
    part.term = { sinceMs: nowMs, bytes: 0, asked: false }
    return false
  }

  /** One that has nothing goes first, then whoever gave the least for its time. */
  #makeRoom(isOfUse: (part: Part) => boolean): boolean {
    const all = [...this.#init.parts.all()].filter(isOfUse)
    const useless = all.find(({ have }) => have === 'none')
    if (useless !== undefined) {
      this.#leave(useless)
      return true
    }
    const [idlest] = all
      .filter((part) => this.#isIdle(part))
      .sort((a, b) => a.term.bytes - b.term.bytes || a.term.sinceMs - b.term.sinceMs)
    if (idlest === undefined) return false
    this.#leave(idlest)
    // It comes after those that were not tried.
    this.#init.holders.fail(idlest.peer)
    return true
  }

  #join(link: Link): void {
    const { peer } = link
    const { parts, clock, content, onList, onBlock } = this.#init
    const linked = link.open({
      content,
      onHave: (have) => this.#onHave(part, have),
      onGained: (indexes) => this.#onGained(part, indexes),
      onList: (piece) => onList(part, piece),
      onBytes: (bytes) => {
        part.term.bytes += bytes
        part.movedMs = clock.monotonicMs()
      },
      onBlock: (index, bytes) => onBlock(part, index, bytes),
      onNot: (index, why) => this.#onNot(part, index, why),
      onEnd: (error) => this.#onEnd(part, error),
    })
    const part: Part = {
      ...{ peer, link, linked, meter: parts.formerMeter(peer) ?? createMeter({ clock }) },
      ...{ have: 'unknown', asked: new Map(), elsewhere: new Map() },
      ...{
        absent: new Set(),
        retractions: 0,
        movedMs: Number.NEGATIVE_INFINITY,
        term: { sinceMs: clock.monotonicMs(), bytes: 0, asked: false },
      },
    }
    parts.add(part)
  }

  /** Takes a holder out; what it was asked for is open again. */
  #leave(part: Part): void {
    const { parts, schedule, onLeft } = this.#init
    if (!parts.delete(part)) return
    for (const index of part.asked.keys()) schedule.unask(part, index)
    part.linked.close()
    onLeft(part)
  }

  #onEnd(part: Part, error: MeshError): void {
    const hadSomething = isSource(part)
    this.#leave(part)
    // A stream that just ends says nothing against a peer that has something.
    if (!isMeshError(error, 'ERR_STREAM_CLOSED') || !hadSomething) {
      this.#init.holders.fail(part.peer)
    }
    this.#init.onNews()
  }

  /** @throws MeshError `ERR_PROTOCOL_MALFORMED` if it says so again and again and never gives them */
  #checkClaims(part: Part, claimed: Iterable<number>): void {
    let isRetracted = false
    for (const index of claimed) isRetracted = part.absent.delete(index) || isRetracted
    if (isRetracted && ++part.retractions > MAX_RETRACTIONS) {
      throw malformed(`blocks of ${this.#init.content.name} that are there and not there`)
    }
  }

  #onHave(part: Part, have: 'none' | 'all' | Bitmap): void {
    const { parts, holders, countBlocks, onNews } = this.#init
    const count = countBlocks()
    if (typeof have === 'object' && count !== undefined && ![0, count].includes(have.length)) {
      throw malformed(`what is there of ${have.length} blocks, where the list has ${count}`)
    }
    if (have !== 'none') {
      const absent = [...part.absent]
      this.#checkClaims(part, have === 'all' ? absent : absent.filter((each) => have.has(each)))
      holders.claim(part.peer)
    }
    parts.setHave(part, have)
    onNews()
  }

  #onGained(part: Part, indexes: readonly number[]): void {
    this.#init.parts.gained(part, indexes)
    this.#checkClaims(part, indexes)
    this.#init.onNews()
  }

  #onNot(part: Part, index: number, why: 'absent' | 'elsewhere'): void {
    const { parts, schedule, clock, onNews } = this.#init
    schedule.unask(part, index)
    if (why === 'elsewhere') part.elsewhere.set(index, clock.monotonicMs())
    else if (hasBlock(part, index)) {
      part.absent.add(index)
      parts.lost(part, index)
    }
    onNews()
  }
}
