/** Which blocks of one content are still to be asked for, and who has been asked for which. */
import type { Part } from './part.ts'

export class Schedule {
  /** Blocks that are neither here nor asked for. */
  readonly #open = new Set<number>()
  /** Blocks that are found on this machine in a moment. */
  readonly #local = new Set<number>()
  /** Who has been asked for a block. */
  readonly #flights = new Map<number, Set<Part>>()
  readonly #isMissing: (index: number) => boolean

  constructor(isMissing: (index: number) => boolean) {
    this.#isMissing = isMissing
  }

  /** The block is to be had; `isLocal`: from this machine, it seems. */
  want(index: number, isLocal: boolean): void {
    this.#open.add(index)
    if (isLocal) this.#local.add(index)
  }

  open(): Iterable<number> {
    return this.#open
  }

  isLocal(index: number): boolean {
    return this.#local.has(index)
  }

  get hasLocal(): boolean {
    return this.#local.size > 0
  }

  /** What was not found here after all has to be fetched. */
  forgetLocal(): void {
    this.#local.clear()
  }

  /** Whether each block is here, on its way, or found on this machine. */
  get isAllAsked(): boolean {
    return this.#open.size <= this.#local.size
  }

  /** Whether nothing is to be had from anybody. */
  get isEmpty(): boolean {
    return this.#open.size === 0 && this.#flights.size === 0
  }

  ask(part: Part, index: number, nowMs: number): void {
    this.#open.delete(index)
    part.asked.set(index, nowMs)
    part.term.asked = true
    const flight = this.#flights.get(index) ?? new Set<Part>()
    this.#flights.set(index, flight.add(part))
  }

  /** It does not come from this holder: without another it is open again. */
  unask(part: Part, index: number): void {
    part.asked.delete(index)
    const flight = this.#flights.get(index)
    flight?.delete(part)
    if (flight?.size !== 0) return
    this.#flights.delete(index)
    if (this.#isMissing(index)) this.#open.add(index)
  }

  /** It came from this holder, who needs not be told. */
  arrived(part: Part, index: number): void {
    this.#flights.get(index)?.delete(part)
  }

  /** It is here: nobody needs to send it any more. */
  settle(index: number): void {
    this.#open.delete(index)
    this.#local.delete(index)
    for (const part of this.#flights.get(index) ?? []) {
      part.asked.delete(index)
      part.linked.cancel([index])
    }
    this.#flights.delete(index)
  }

  /**
   * The block that another holder has been asked for the longest; one that several have been asked for
   * only if nothing comes from any of them.
   */
  oldestOfOthers(
    part: Part,
    { untilMs, suits }: { untilMs: number; suits: (index: number) => boolean },
  ): number | undefined {
    let oldest: { readonly index: number; readonly atMs: number } | undefined
    for (const [index, flight] of this.#flights) {
      if (flight.has(part) || !suits(index)) continue
      let atMs: number | undefined
      let isComing = false
      for (const other of flight) {
        const askedMs = other.asked.get(index)
        // It gave it, and the block is being written.
        isComing ||= askedMs === undefined || (flight.size > 1 && other.movedMs > untilMs)
        atMs = Math.max(atMs ?? 0, askedMs ?? 0)
      }
      if (atMs === undefined || atMs > untilMs || isComing) continue
      if (oldest === undefined || atMs < oldest.atMs) oldest = { index, atMs }
    }
    return oldest?.index
  }
}
