import { decodeBlockList, MIN_CHUNK_BYTES } from '../../chunk/index.ts'
import { isMeshError, MeshError } from '../../errors/index.ts'
import { sha256 } from '../../util/index.ts'
import {
  ASK_AROUND_DELAY_MS,
  HOLDER_ANSWER_TIMEOUT_MS,
  HOLDER_WAIT_MS,
  MAX_ASKED_INDEXES,
} from '../limits.ts'
import { MAX_CONTENT_HOLDERS, NOBODY_WAIT_MS, OVERTAKE_AFTER_MS } from '../limits.ts'
import { SPREAD_WAIT_MS } from '../limits.ts'
import { malformed } from '../wire.ts'
import { createBitmap } from './bitmap.ts'
import { createMeter } from './meter.ts'
import { pickBlocks } from './picker.ts'
import type { Assembly, Blocks, Owner } from '../../blocks/index.ts'
import type { BlockList } from '../../chunk/index.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Clock, Random } from '../../util/index.ts'
import type { Holders } from '../content/holders.ts'
import type { Transfer, TransferPeer } from '../types.ts'
import type { Bitmap } from './bitmap.ts'
import type { Link, LinkedContent } from './link.ts'
import type { ListPiece } from './messages.ts'
import type { Meter } from './meter.ts'
import type { BlockSource, ContentName } from './source.ts'

export interface FetchInit {
  readonly content: ContentName
  readonly sizeBytes: number
  readonly owner: Owner
  readonly holders: Holders
  readonly clock: Clock
  readonly random: Random
  readonly blocks: Blocks
  readonly signal: AbortSignal
  /** Peers that said that they want it as well; the fetch adds to them. */
  readonly interested: Set<PeerId>
  /**
   * Peers that may have some of it, the likeliest first; `isHungry`: those of which nothing is known as
   * well.
   */
  readonly candidates: (isHungry: boolean) => readonly PeerId[]
  /** The link to a peer; `undefined`: it is not to be asked now. */
  readonly linkTo: (peer: PeerId) => Link | undefined
  /** Blocks have come: those who look on want to know. */
  readonly onGained: (indexes: readonly number[]) => void
  /** There is something new to be asked for. */
  readonly onWork: () => void
  readonly onReceived: (bytes: number) => void
  /** Whether others wait for the place that this takes. */
  readonly isCrowded: () => boolean
}

/** What one holder has of the content. */
interface Part {
  readonly peer: PeerId
  readonly link: Link
  readonly linked: LinkedContent
  readonly meter: Meter
  have: 'unknown' | 'none' | 'all' | Bitmap
  /** Asked of it, and since when. */
  readonly asked: Map<number, number>
  /** It is giving these to somebody else, and said so then. */
  readonly elsewhere: Map<number, number>
}

const nobody = (done: number, of: number): MeshError =>
  new MeshError(
    'ERR_FILE_CONTENT_MISSING',
    `no connected peer delivers the blocks that are missing (${done} of ${of} bytes are here)`,
  )

/** One content on its way in, block by block, from everybody who has any of it. */
export class BlockFetch {
  readonly #init: FetchInit
  readonly content: ContentName
  readonly startedAtMs: number
  readonly #parts = new Map<PeerId, Part>()
  /** Of those who gave something and are gone. */
  readonly #former = new Map<PeerId, Meter>()
  readonly #meter: Meter
  #list: BlockList | undefined
  #assembly: Assembly | undefined
  /** Blocks that are neither here nor asked for. */
  readonly #open = new Set<number>()
  /** Blocks that are found on this machine in a moment. */
  readonly #local = new Set<number>()
  /** Who has been asked for a block. */
  readonly #flights = new Map<number, Set<Part>>()
  #rarity = new Uint16Array()
  /** Holders that have all of it. */
  #complete = 0
  #listFrom:
    | { readonly part: Part; readonly atMs: number; bytes: Uint8Array; filled: number }
    | undefined
  readonly #listRefused = new Set<PeerId>()
  #progressMs: number
  #startMs: number
  #localBytes = 0
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
    this.#startMs = init.clock.monotonicMs()
    this.#progressMs = this.#startMs
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
      const assembly = this.#assembly
      const list = this.#list
      if (assembly === undefined || list === undefined) throw new Error('nothing was put together')
      this.#state = 'finishing'
      return { assembly, list }
    } catch (error) {
      this.#fail(error)
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#ended = true
      for (const part of [...this.#parts.values()]) this.#leave(part)
    }
  }

  /** What was put together stays for the next time. */
  async close(): Promise<void> {
    this.#ended = true
    await this.#assembly?.close()
  }

  #fail(error: unknown): void {
    this.#done.reject(error)
  }

  /** For those who ask us. */
  source(): BlockSource {
    return {
      list: () => this.#list,
      has: (index) => this.#assembly?.has(index) === true,
      isComplete: () => false,
      read: async (index, signal, into) => this.#assembly?.read(index, { signal, into }),
    }
  }

  get leftBytes(): number {
    return this.#init.sizeBytes - (this.#assembly?.haveBytes ?? 0)
  }

  get isRunning(): boolean {
    return !this.#ended
  }

  /** Somebody may have come who has some of it. */
  lookForHolders(): void {
    if (this.#ended) return
    const quietMs = this.#init.clock.monotonicMs() - this.#progressMs
    const isHungry = quietMs >= ASK_AROUND_DELAY_MS && !this.#hasSource()
    const peers = this.#init.candidates(isHungry)
    for (const peer of peers) {
      if (this.#parts.has(peer)) continue
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

  #hasSource(): boolean {
    for (const { have } of this.#parts.values()) {
      if (have === 'all' || typeof have === 'object') return true
    }
    return false
  }

  /** Makes room for a holder in the place of one that has nothing. */
  #dropUseless(): boolean {
    for (const part of this.#parts.values()) {
      if (part.have !== 'none') continue
      this.#leave(part)
      return true
    }
    return false
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
        meter: this.#former.get(peer) ?? createMeter(this.#init),
      },
      ...{ have: 'unknown', asked: new Map(), elsewhere: new Map() },
    }
    this.#parts.set(peer, part)
  }

  /** Takes a holder out; what it was asked for is open again. */
  #leave(part: Part): void {
    if (this.#parts.get(part.peer) !== part) return
    this.#parts.delete(part.peer)
    this.#setHave(part, 'none')
    for (const index of part.asked.keys()) this.#unask(part, index)
    part.linked.close()
    if (this.#listFrom?.part === part) this.#listFrom = undefined
    if (part.meter.bytes > 0) this.#former.set(part.peer, part.meter)
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

  #unask(part: Part, index: number): void {
    part.asked.delete(index)
    const flight = this.#flights.get(index)
    flight?.delete(part)
    if (flight?.size !== 0) return
    this.#flights.delete(index)
    if (this.#assembly?.has(index) === false) this.#open.add(index)
  }

  #hasOf(part: Part, index: number): boolean {
    const { have } = part
    return have === 'all' || (typeof have === 'object' && have.has(index))
  }

  #setHave(part: Part, have: Part['have']): void {
    this.#count(part.have, -1)
    part.have = have
    this.#count(have, 1)
  }

  #count(have: Part['have'], by: 1 | -1): void {
    if (have === 'all') this.#complete += by
    else if (typeof have === 'object' && have.length === this.#rarity.length) {
      for (let index = 0; index < have.length; index++) {
        if (have.has(index)) this.#rarity[index] = (this.#rarity[index] ?? 0) + by
      }
    }
  }

  #onHave(part: Part, have: 'none' | 'all' | Bitmap): void {
    const count = this.#list?.blocks.length
    if (typeof have === 'object' && count !== undefined && ![0, count].includes(have.length)) {
      throw malformed(`what is there of ${have.length} blocks, where the list has ${count}`)
    }
    this.#setHave(part, have)
    part.elsewhere.clear()
    if (have !== 'none') {
      this.#init.holders.claim(part.peer)
      if (this.#state === 'searching') this.#state = 'listing'
    }
    this.#askForList()
    this.#init.onWork()
  }

  #onGained(part: Part, indexes: readonly number[]): void {
    if (typeof part.have !== 'object') throw malformed('new blocks of a content that is not there')
    const counts = part.have.length === this.#rarity.length
    for (const index of indexes) {
      if (index >= part.have.length) throw malformed(`new block ${index} of ${part.have.length}`)
      if (part.have.add(index) && counts) this.#rarity[index] = (this.#rarity[index] ?? 0) + 1
    }
    this.#init.onWork()
  }

  // The list.

  #askForList(): void {
    if (this.#list !== undefined || this.#listFrom !== undefined || this.#ended) return
    for (const part of this.#parts.values()) {
      if (this.#listRefused.has(part.peer)) continue
      const knows = part.have === 'all' || (typeof part.have === 'object' && part.have.length > 0)
      if (!knows) continue
      const atMs = this.#init.clock.monotonicMs()
      this.#listFrom = { part, atMs, bytes: new Uint8Array(), filled: 0 }
      part.linked.askList()
      return
    }
  }

  #onList(part: Part, { sizeBytes, offset, bytes }: ListPiece): void {
    const from = this.#listFrom
    if (from?.part !== part) {
      // It was too slow for us once, and this is what it sent all the same.
      if (this.#listRefused.has(part.peer) || this.#list !== undefined) return
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
    if (from.filled < sizeBytes) return
    this.#listFrom = undefined
    if (sha256(from.bytes) !== this.content.list) {
      throw new MeshError(
        'ERR_FILE_CONTENT_MISMATCH',
        `a peer sent a block list of ${this.content.name} that is not the one that was signed`,
      )
    }
    this.#takeList(from.bytes).catch((error: unknown) => this.#fail(error))
  }

  /** @throws MeshError if what was signed cannot be put together, which is no holder's fault */
  async #takeList(encoded: Uint8Array): Promise<void> {
    if (this.#list !== undefined) return
    const { sizeBytes, blocks, owner, signal, content } = this.#init
    const list = decodeBlockList(encoded)
    if (list.sizeBytes !== sizeBytes) {
      throw new MeshError(
        'ERR_FILE_CONTENT_MISMATCH',
        `the signed block list of ${content.name} is about ${list.sizeBytes} bytes, its statement about ${sizeBytes}`,
      )
    }
    this.#list = list
    const assembly = await blocks.assemble(owner, list, { signal })
    if (this.#ended || signal.aborted) return assembly.close()
    this.#assembly = assembly
    this.#rarity = new Uint16Array(list.blocks.length)
    for (const part of this.#parts.values()) {
      const { have } = part
      if (typeof have !== 'object') continue
      if (have.length === 0) continue
      if (have.length !== list.blocks.length) {
        part.link.end(malformed(`what is there of ${have.length} blocks`))
      } else this.#count(have, 1)
    }
    for (const index of assembly.missing()) {
      this.#open.add(index)
      const digest = list.blocks[index]?.digest
      if (digest !== undefined && blocks.has(digest)) this.#local.add(index)
    }
    this.#state = 'fetching'
    this.#progressMs = this.#init.clock.monotonicMs()
    this.#init.onGained([])
    if (!this.#settle()) this.#copyLocal(assembly).catch((error: unknown) => this.#fail(error))
    this.#init.onWork()
  }

  async #copyLocal(assembly: Assembly): Promise<void> {
    if (this.#local.size > 0) {
      const before = assembly.haveBytes
      await assembly.copyLocal({
        signal: this.#init.signal,
        onBlock: (index) => this.#noteHere(index),
      })
      this.#localBytes += Math.max(0, assembly.haveBytes - before)
    }
    // What was not right after all has to be fetched.
    this.#local.clear()
    this.#sweep()
    if (!this.#settle()) this.#init.onWork()
  }

  /** Blocks that came in the company of another of the same bytes. */
  #sweep(): void {
    for (const index of this.#open) if (this.#assembly?.has(index)) this.#noteHere(index)
  }

  #noteHere(index: number): void {
    this.#open.delete(index)
    this.#local.delete(index)
    this.#progressMs = this.#init.clock.monotonicMs()
    for (const part of this.#flights.get(index) ?? []) {
      part.asked.delete(index)
      part.linked.cancel([index])
    }
    this.#flights.delete(index)
    this.#init.onGained([index])
  }

  /** Whether all of it is here. */
  #settle(): boolean {
    if (this.#assembly === undefined || this.leftBytes > 0) return false
    this.#done.resolve()
    return true
  }

  // Blocks.

  async #onBlock(part: Part, index: number, bytes: Uint8Array): Promise<void> {
    const assembly = this.#assembly
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
    this.#flights.get(index)?.delete(part)
    this.#noteHere(index)
    if (assembly.list.blocks.length > 1) this.#noteTwins(index)
    if (!this.#settle()) this.#init.onWork()
  }

  /** The same bytes elsewhere in the content have come with it. */
  #noteTwins(index: number): void {
    const digest = this.#list?.blocks[index]?.digest
    this.#twins ??= this.#findTwins()
    for (const twin of this.#twins.get(digest ?? '') ?? []) {
      if (twin !== index && this.#assembly?.has(twin) === true) this.#noteHere(twin)
    }
  }
  #twins: Map<string, number[]> | undefined

  /** Only digests that occur more than once. */
  #findTwins(): Map<string, number[]> {
    const first = new Map<string, number>()
    const twins = new Map<string, number[]>()
    for (const [index, { digest }] of (this.#list?.blocks ?? []).entries()) {
      const other = first.get(digest)
      if (other === undefined) first.set(digest, index)
      else twins.set(digest, [...(twins.get(digest) ?? [other]), index])
    }
    return twins
  }

  #onNot(part: Part, index: number, why: 'absent' | 'elsewhere'): void {
    this.#unask(part, index)
    if (why === 'elsewhere') part.elsewhere.set(index, this.#init.clock.monotonicMs())
    else {
      const count = this.#list?.blocks.length ?? 0
      const have = createBitmap(count)
      for (let each = 0; each < count; each++) {
        if (each !== index && this.#hasOf(part, each)) have.add(each)
      }
      this.#setHave(part, have)
    }
    this.#init.onWork()
  }

  /** Whether the holder is sending others to whoever was given the block. */
  #isElsewhere(part: Part, index: number): boolean {
    const atMs = part.elsewhere.get(index)
    return atMs !== undefined && this.#init.clock.monotonicMs() - atMs < SPREAD_WAIT_MS
  }

  #othersHave(part: Part, index: number): boolean {
    const own = this.#hasOf(part, index) ? 1 : 0
    return this.#complete + (this.#rarity[index] ?? 0) - own > 0
  }

  /** Asks one holder for what there is room for. Answers whether anything was asked. */
  askOf(link: Link): boolean {
    const part = this.#parts.get(link.peer)
    const list = this.#list
    if (part === undefined || list === undefined || this.#assembly === undefined || this.#ended) {
      return false
    }
    const roomBytes = link.roomBytes()
    if (roomBytes <= 0) return false
    const sizeOf = (index: number): number => list.blocks[index]?.sizeBytes ?? 0
    const open = function* (indexes: Iterable<number>) {
      for (const index of indexes) yield { index, sizeBytes: sizeOf(index) }
    }
    const picked = pickBlocks({
      open: open(this.#open),
      rarityOf: (index) => this.#complete + (this.#rarity[index] ?? 0),
      suits: (index) =>
        this.#hasOf(part, index) &&
        !this.#local.has(index) &&
        part.linked.mayAsk(index) &&
        !this.#isElsewhere(part, index),
      random: this.#init.random,
      roomBytes,
      maxBlocks: MAX_ASKED_INDEXES,
    })
    if (picked.length === 0) return this.#overtake(part)
    const alone = this.#isAlone(part)
    const [insisting, polite]: [typeof picked, typeof picked] = [[], []]
    for (const block of picked) {
      const refused = part.elsewhere.has(block.index) && !this.#othersHave(part, block.index)
      const group = alone || refused ? insisting : polite
      group.push(block)
    }
    this.#ask(part, insisting, true)
    this.#ask(part, polite, false)
    return true
  }

  /** Whether nobody else takes part: then there is nobody to get a block from later. */
  #isAlone(part: Part): boolean {
    for (const other of this.#parts.values()) {
      if (other !== part && other.have !== 'none' && other.have !== 'unknown') return false
    }
    return true
  }

  #ask(part: Part, blocks: { index: number; sizeBytes: number }[], insist: boolean): void {
    if (blocks.length === 0) return
    const nowMs = this.#init.clock.monotonicMs()
    for (const { index, sizeBytes } of blocks) {
      this.#open.delete(index)
      part.asked.set(index, nowMs)
      const flight = this.#flights.get(index) ?? new Set<Part>()
      this.#flights.set(index, flight.add(part))
      this.creditBytes += sizeBytes
    }
    part.linked.ask(blocks, insist)
  }

  /** At the very end: what a slower holder has been asked for is asked of this one as well. */
  #overtake(part: Part): boolean {
    if (this.#open.size > this.#local.size || !part.link.isIdle()) return false
    const nowMs = this.#init.clock.monotonicMs()
    let oldest: { readonly index: number; readonly atMs: number } | undefined
    for (const [index, flight] of this.#flights) {
      if (flight.size !== 1 || flight.has(part)) continue
      if (!this.#hasOf(part, index) || !part.linked.mayAsk(index)) continue
      for (const other of flight) {
        const atMs = other.asked.get(index) ?? nowMs
        if (nowMs - atMs < OVERTAKE_AFTER_MS) continue
        if (oldest === undefined || atMs < oldest.atMs) oldest = { index, atMs }
      }
    }
    const sizeBytes = oldest && this.#list?.blocks[oldest.index]?.sizeBytes
    if (oldest === undefined || sizeBytes === undefined) return false
    this.#ask(part, [{ index: oldest.index, sizeBytes }], true)
    return true
  }

  /** Now and then: looks for holders, and gives up when there is nothing to be hoped for. */
  tick(): void {
    if (this.#ended || this.#state === 'finishing') return
    const nowMs = this.#init.clock.monotonicMs()
    const from = this.#listFrom
    if (from !== undefined && nowMs - from.atMs > HOLDER_ANSWER_TIMEOUT_MS) {
      this.#listRefused.add(from.part.peer)
      this.#listFrom = undefined
    }
    this.lookForHolders()
    this.#askForList()
    const quietMs = nowMs - this.#progressMs
    if (this.#local.size > 0) return
    const somebody = this.#hasSource()
    const asking = [...this.#parts.values()].some(({ have }) => have === 'unknown')
    const patienceMs = somebody
      ? HOLDER_WAIT_MS
      : asking
        ? HOLDER_ANSWER_TIMEOUT_MS
        : NOBODY_WAIT_MS
    const isOver = quietMs >= patienceMs || (!somebody && this.#init.isCrowded())
    if (!isOver) return
    this.#fail(nobody(this.#assembly?.haveBytes ?? 0, this.#init.sizeBytes))
  }

  /** Whoever gave something, the most first. */
  givers(): readonly PeerId[] {
    return this.#meters()
      .filter(([, { bytes }]) => bytes > 0)
      .sort(([, a], [, b]) => b.bytes - a.bytes)
      .map(([peer]) => peer)
  }

  #meters(): [PeerId, Meter][] {
    const meters = new Map(this.#former)
    for (const { peer, meter, have } of this.#parts.values()) {
      if (have !== 'none' && have !== 'unknown') meters.set(peer, meter)
    }
    return [...meters]
  }

  status(): Transfer {
    const holders: TransferPeer[] = this.#meters().map(([peer, meter]) => ({
      peer,
      bytes: meter.bytes,
      bytesPerSecond: meter.bytesPerSecond(),
    }))
    const { collection, name, digest } = this.content
    return {
      ...{ collection, name, digest, state: this.#state },
      doneBytes: this.#assembly?.haveBytes ?? 0,
      ofBytes: this.#init.sizeBytes,
      localBytes: this.#localBytes,
      bytesPerSecond: this.#meter.bytesPerSecond(),
      startedAtMs: this.startedAtMs,
      holders: holders.sort((a, b) => (a.peer < b.peer ? -1 : 1)),
    }
  }
}
