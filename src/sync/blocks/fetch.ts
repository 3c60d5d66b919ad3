/** One content on its way in, block by block, from everybody who has any of it. */
import { isMeshError, MeshError } from '../../errors/index.ts'
import {
  ASK_AROUND_DELAY_MS,
  HOLDER_ANSWER_TIMEOUT_MS,
  HOLDER_WAIT_MS,
  MAX_CONTENT_HOLDERS,
  NOBODY_WAIT_MS,
} from '../limits.ts'
import { malformed } from '../wire.ts'
import { createAsker } from './asker.ts'
import { createBitmap } from './bitmap.ts'
import { ListInbox } from './list-inbox.ts'
import { createMeter } from './meter.ts'
import { hasBlock } from './part.ts'
import { Parts } from './parts.ts'
import { Workpiece } from './workpiece.ts'
import type { Assembly } from '../../blocks/index.ts'
import type { BlockList } from '../../chunk/index.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Random } from '../../util/index.ts'
import type { Holders } from '../content/holders.ts'
import type { Transfer, TransferPeer } from '../types.ts'
import type { Bitmap } from './bitmap.ts'
import type { Asker } from './asker.ts'
import type { Link } from './link.ts'
import type { ListPiece } from './messages.ts'
import type { Meter } from './meter.ts'
import type { Part } from './part.ts'
import type { BlockSource, ContentName } from './source.ts'
import type { WorkpieceInit } from './workpiece.ts'

export interface FetchInit extends WorkpieceInit {
  readonly holders: Holders
  readonly random: Random
  /** Peers that said that they want it as well; the fetch adds to them. */
  readonly interested: Set<PeerId>
  /**
   * Peers that may have some of it, the likeliest first; `isHungry`: those of which nothing is known as
   * well.
   */
  readonly candidates: (isHungry: boolean) => readonly PeerId[]
  /** The link to a peer; `undefined`: it is not to be asked now. */
  readonly linkTo: (peer: PeerId) => Link | undefined
  /** There is something new to be asked for. */
  readonly onWork: () => void
  readonly onReceived: (bytes: number) => void
  /** Whether others wait for the place that this takes. */
  readonly isCrowded: () => boolean
}

const nobody = (done: number, of: number): MeshError =>
  new MeshError(
    'ERR_FILE_CONTENT_MISSING',
    `no connected peer delivers the blocks that are missing (${done} of ${of} bytes are here)`,
  )

/** Gets one content; made for one run. */
export class BlockFetch {
  readonly #init: FetchInit
  readonly content: ContentName
  readonly startedAtMs: number
  readonly #parts = new Parts()
  readonly #work: Workpiece
  readonly #asker: Asker
  readonly #inbox: ListInbox
  readonly #meter: Meter
  #state: Transfer['state'] = 'searching'
  readonly #done = Promise.withResolvers<void>()
  #ended = false
  /** Bytes asked for, for a fair share; the exchange sets it at the start. */
  creditBytes = 0

  constructor(init: FetchInit) {
    this.#init = init
    this.content = init.content
    this.#meter = createMeter(init)
    this.startedAtMs = init.clock.nowMs()
    this.#work = new Workpiece(init)
    this.#inbox = new ListInbox(init)
    this.#asker = createAsker({
      ...{
        clock: init.clock,
        random: init.random,
        parts: this.#parts,
        schedule: this.#work.schedule,
      },
      onAsked: (bytes) => {
        this.creditBytes += bytes
      },
    })
    this.#done.promise.catch(() => undefined)
  }

  /**
   * Gets all blocks together. Resolves with the assembly, complete and not yet durable.
   *
   * @throws MeshError `ERR_FILE_CONTENT_MISSING` when nobody delivers, `ERR_ABORTED`, `ERR_DISK_FULL`
   */
  async run(): Promise<{ assembly: Assembly; list: BlockList }> {
    const { signal, blocks, content } = this.#init
    const onAbort = (): void =>
      this.#fail(new MeshError('ERR_ABORTED', 'the fetch of blocks was cancelled'))
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    try {
      const known = await blocks.get(content.list, { signal })
      if (known !== undefined) await this.#takeList(known)
      this.lookForHolders()
      await this.#done.promise
      const { assembly, list } = this.#work
      if (assembly === undefined || list === undefined) throw new Error('nothing was put together')
      this.#state = 'finishing'
      return { assembly, list }
    } catch (error) {
      this.#fail(error)
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#ended = true
      for (const part of [...this.#parts.all()]) this.#leave(part)
    }
  }

  /** What was put together stays for the next time. */
  async close(): Promise<void> {
    this.#ended = true
    await this.#work.assembly?.close()
  }

  #fail(error: unknown): void {
    this.#done.reject(error)
  }

  /** For those who ask us. */
  source(): BlockSource {
    return this.#work.source()
  }

  get leftBytes(): number {
    return this.#init.sizeBytes - this.#work.haveBytes
  }

  get isRunning(): boolean {
    return !this.#ended
  }

  /** Somebody may have come who has some of it. */
  lookForHolders(): void {
    if (this.#ended) return
    const quietMs = this.#init.clock.monotonicMs() - this.#work.progressMs
    const isHungry = quietMs >= ASK_AROUND_DELAY_MS && !this.#parts.hasSource()
    const peers = this.#init.candidates(isHungry)
    for (const peer of peers) {
      if (this.#parts.get(peer) !== undefined) continue
      if (this.#parts.size >= MAX_CONTENT_HOLDERS && !this.#dropUseless()) return
      const link = this.#init.linkTo(peer)
      if (link !== undefined) this.#join(link)
    }
  }

  /** A peer fetches it as well, so it will have some of it. */
  interest(peer: PeerId): void {
    if (this.#init.interested.has(peer)) return
    this.#init.interested.add(peer)
    this.lookForHolders()
  }

  /** Makes room for a holder in the place of one that has nothing. */
  #dropUseless(): boolean {
    const useless = this.#parts.useless()
    if (useless !== undefined) this.#leave(useless)
    return useless !== undefined
  }

  #join(link: Link): void {
    const { peer } = link
    const user = {
      content: this.content,
      onHave: (have: 'none' | 'all' | Bitmap) => this.#onHave(part, have),
      onGained: (indexes: readonly number[]) => this.#onGained(part, indexes),
      onList: (piece: ListPiece) => this.#onList(part, piece),
      onBlock: (index: number, bytes: Uint8Array) => this.#onBlock(part, index, bytes),
      onNot: (index: number, why: 'absent' | 'elsewhere') => this.#onNot(part, index, why),
      onEnd: (error: MeshError) => this.#onEnd(part, error),
    }
    const part: Part = {
      ...{
        peer,
        link,
        linked: link.open(user),
        meter: this.#parts.formerMeter(peer) ?? createMeter(this.#init),
      },
      ...{ have: 'unknown', asked: new Map(), elsewhere: new Map() },
    }
    this.#parts.add(part)
  }

  /** Takes a holder out; what it was asked for is open again. */
  #leave(part: Part): void {
    if (!this.#parts.delete(part)) return
    for (const index of part.asked.keys()) this.#work.schedule.unask(part, index)
    part.linked.close()
    this.#inbox.leave(part)
  }

  #onEnd(part: Part, error: MeshError): void {
    this.#leave(part)
    // A stream that just ends says nothing against the peer.
    if (!isMeshError(error, 'ERR_STREAM_CLOSED') || part.have === 'unknown') {
      this.#init.holders.fail(part.peer)
    }
    this.#askForList()
    this.#init.onWork()
  }

  #onHave(part: Part, have: 'none' | 'all' | Bitmap): void {
    const count = this.#work.list?.blocks.length
    if (typeof have === 'object' && count !== undefined && ![0, count].includes(have.length)) {
      throw malformed(`what is there of ${have.length} blocks, where the list has ${count}`)
    }
    this.#parts.setHave(part, have)
    part.elsewhere.clear()
    if (have !== 'none') {
      this.#init.holders.claim(part.peer)
      if (this.#state === 'searching') this.#state = 'listing'
    }
    this.#askForList()
    this.#init.onWork()
  }

  #onGained(part: Part, indexes: readonly number[]): void {
    this.#parts.gained(part, indexes)
    this.#init.onWork()
  }

  // The list.

  #askForList(): void {
    if (this.#work.list !== undefined || this.#ended) return
    this.#inbox.askOneOf(this.#parts.all())
  }

  #onList(part: Part, piece: ListPiece): void {
    const encoded = this.#inbox.take(part, piece, this.#work.list !== undefined)
    if (encoded === undefined) return
    this.#takeList(encoded).catch((error: unknown) => this.#fail(error))
  }

  /** @throws MeshError if what was signed cannot be put together, which is no holder's fault */
  async #takeList(encoded: Uint8Array): Promise<void> {
    if (this.#work.list !== undefined) return
    const assembly = await this.#work.begin(encoded, () => this.#ended)
    if (assembly === undefined) return
    for (const part of this.#parts.startCounting(assembly.list.blocks.length)) {
      const length = typeof part.have === 'object' ? part.have.length : 0
      part.link.end(malformed(`what is there of ${length} blocks`))
    }
    this.#state = 'fetching'
    this.#init.onGained([])
    if (!this.#settle()) this.#copyLocal(assembly).catch((error: unknown) => this.#fail(error))
    this.#init.onWork()
  }

  async #copyLocal(assembly: Assembly): Promise<void> {
    await this.#work.copyLocal(assembly)
    if (!this.#settle()) this.#init.onWork()
  }

  /** Whether all of it is here. */
  #settle(): boolean {
    if (!this.#work.isComplete) return false
    this.#done.resolve()
    return true
  }

  // Blocks.

  async #onBlock(part: Part, index: number, bytes: Uint8Array): Promise<void> {
    const { assembly } = this.#work
    if (assembly === undefined || this.#ended) return
    const wasAsked = part.asked.delete(index)
    if (assembly.has(index)) return
    try {
      await assembly.write(index, bytes)
    } catch (error) {
      if (this.#ended) return
      if (!isMeshError(error, 'ERR_BLOCK_MISMATCH')) return this.#fail(error)
      if (wasAsked) part.asked.set(index, 0)
      const { name } = this.content
      throw new MeshError(
        'ERR_FILE_CONTENT_MISMATCH',
        `a peer sent other bytes as block ${index} of ${name}`,
        { cause: error },
      )
    }
    part.meter.add(bytes.length)
    this.#meter.add(bytes.length)
    this.#init.onReceived(bytes.length)
    this.#work.schedule.arrived(part, index)
    this.#work.arrived(index)
    if (!this.#settle()) this.#init.onWork()
  }

  #onNot(part: Part, index: number, why: 'absent' | 'elsewhere'): void {
    this.#work.schedule.unask(part, index)
    if (why === 'elsewhere') part.elsewhere.set(index, this.#init.clock.monotonicMs())
    else {
      const count = this.#work.list?.blocks.length ?? 0
      const have = createBitmap(count)
      for (let each = 0; each < count; each++) {
        if (each !== index && hasBlock(part, each)) have.add(each)
      }
      this.#parts.setHave(part, have)
    }
    this.#init.onWork()
  }

  /** Asks one holder for what there is room for. Answers whether anything was asked. */
  askOf(link: Link): boolean {
    const part = this.#parts.get(link.peer)
    const { assembly, list } = this.#work
    if (part === undefined || list === undefined) return false
    if (assembly === undefined || this.#ended) return false
    return this.#asker.askOf(part, list)
  }

  /** Now and then: looks for holders, and gives up when there is nothing to be hoped for. */
  tick(): void {
    if (this.#ended || this.#state === 'finishing') return
    this.#inbox.check()
    this.lookForHolders()
    this.#askForList()
    const quietMs = this.#init.clock.monotonicMs() - this.#work.progressMs
    if (this.#work.schedule.hasLocal) return
    const somebody = this.#parts.hasSource()
    const patienceMs = somebody
      ? HOLDER_WAIT_MS
      : this.#parts.isAsking()
        ? HOLDER_ANSWER_TIMEOUT_MS
        : NOBODY_WAIT_MS
    const isOver = quietMs >= patienceMs || (!somebody && this.#init.isCrowded())
    if (!isOver) return
    this.#fail(nobody(this.#work.haveBytes, this.#init.sizeBytes))
  }

  /** Whoever gave something, the most first. */
  givers(): readonly PeerId[] {
    return this.#parts
      .meters()
      .filter(([, { bytes }]) => bytes > 0)
      .sort(([, a], [, b]) => b.bytes - a.bytes)
      .map(([peer]) => peer)
  }

  status(): Transfer {
    const holders: TransferPeer[] = this.#parts.meters().map(([peer, meter]) => ({
      peer,
      bytes: meter.bytes,
      bytesPerSecond: meter.bytesPerSecond(),
    }))
    const { collection, name, digest } = this.content
    return {
      ...{ collection, name, digest, state: this.#state },
      doneBytes: this.#work.haveBytes,
      ofBytes: this.#init.sizeBytes,
      localBytes: this.#work.localBytes,
      bytesPerSecond: this.#meter.bytesPerSecond(),
      startedAtMs: this.startedAtMs,
      holders: holders.sort((a, b) => (a.peer < b.peer ? -1 : 1)),
    }
  }
}
