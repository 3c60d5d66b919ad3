/** All holders that take part in the fetch of one content, and how rare each block is among them. */
import { malformed } from '../wire.ts'
import { createBitmap } from './bitmap.ts'
import { hasBlock, isSource } from './part.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Meter } from './meter.ts'
import type { Part } from './part.ts'

export class Parts {
  readonly #parts = new Map<PeerId, Part>()
  /** Of those who gave something and are gone. */
  readonly #former = new Map<PeerId, Meter>()
  /** Of each block, how many holders have it that have not all. */
  #rarity = new Uint16Array()
  /** Holders that have all of it. */
  #complete = 0

  get size(): number {
    return this.#parts.size
  }

  get(peer: PeerId): Part | undefined {
    return this.#parts.get(peer)
  }

  all(): Iterable<Part> {
    return this.#parts.values()
  }

  add(part: Part): void {
    this.#parts.set(part.peer, part)
  }

  /** Answers whether it took part until now. */
  delete(part: Part): boolean {
    if (this.#parts.get(part.peer) !== part) return false
    this.#parts.delete(part.peer)
    this.setHave(part, 'none')
    if (part.meter.bytes > 0) this.#former.set(part.peer, part.meter)
    return true
  }

  /** Of a peer that gave something before it left. */
  formerMeter(peer: PeerId): Meter | undefined {
    return this.#former.get(peer)
  }

  /** Counts from here on, with the number of blocks known. Answers who has blocks of another number. */
  startCounting(length: number): Part[] {
    this.#rarity = new Uint16Array(length)
    const misfits: Part[] = []
    for (const part of this.#parts.values()) {
      const { have } = part
      if (typeof have !== 'object' || have.length === 0) continue
      if (have.length === length) this.#count(have, 1)
      else misfits.push(part)
    }
    return misfits
  }

  setHave(part: Part, have: Part['have']): void {
    this.#count(part.have, -1)
    part.have = have
    this.#count(have, 1)
  }

  /** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
  gained({ have }: Part, indexes: readonly number[]): void {
    if (typeof have !== 'object') throw malformed('new blocks of a content that is not there')
    const counts = have.length === this.#rarity.length
    for (const index of indexes) {
      if (index >= have.length) throw malformed(`new block ${index} of ${have.length}`)
      if (have.add(index) && counts) this.#rarity[index] = (this.#rarity[index] ?? 0) + 1
    }
  }

  /** It has not got this block after all. */
  lost(part: Part, index: number): void {
    const { length } = this.#rarity
    if (part.have === 'all') {
      const rest = createBitmap(length)
      for (let each = 0; each < length; each++) if (each !== index) rest.add(each)
      this.setHave(part, rest)
    } else if (typeof part.have === 'object' && part.have.delete(index)) {
      this.#rarity[index] = (this.#rarity[index] ?? 0) - 1
    }
  }

  #count(have: Part['have'], by: 1 | -1): void {
    if (have === 'all') this.#complete += by
    else if (typeof have === 'object' && have.length === this.#rarity.length) {
      for (let index = 0; index < have.length; index++) {
        if (have.has(index)) this.#rarity[index] = (this.#rarity[index] ?? 0) + by
      }
    }
  }

  /** How many holders have the block. */
  rarityOf(index: number): number {
    return this.#complete + (this.#rarity[index] ?? 0)
  }

  othersHave(part: Part, index: number): boolean {
    return this.rarityOf(index) - (hasBlock(part, index) ? 1 : 0) > 0
  }

  hasSource(): boolean {
    return [...this.#parts.values()].some(isSource)
  }

  /** Whether somebody has not answered yet what it has. */
  isAsking(): boolean {
    return [...this.#parts.values()].some(({ have }) => have === 'unknown')
  }

  /** Whether nobody else takes part: then there is nobody to get a block from later. */
  isAlone(part: Part): boolean {
    return ![...this.#parts.values()].some((other) => other !== part && isSource(other))
  }

  meters(): [PeerId, Meter][] {
    const meters = new Map(this.#former)
    for (const part of this.#parts.values()) if (isSource(part)) meters.set(part.peer, part.meter)
    return [...meters]
  }
}
