/** One content on its way in, block by block, from everybody who has any of it. */
import { isMeshError, MeshError } from '../../errors/index.ts'
import {
  ASK_AROUND_DELAY_MS,
  HOLDER_ANSWER_TIMEOUT_MS,
  HOLDER_WAIT_MS,
  NOBODY_WAIT_MS,
} from '../limits.ts'
import { aborted } from '../async.ts'
import { malformed } from '../wire.ts'
import { createAsker } from './asker.ts'
import { Crew } from './crew.ts'
import { ListInbox } from './list-inbox.ts'
import { createMeter } from './meter.ts'
import { Parts } from './parts.ts'
import { Workpiece } from './workpiece.ts'
import type { BlockList } from '../../chunk/index.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Random } from '../../util/index.ts'
import type { Transfer, TransferPeer } from '../types.ts'
import type { Asker } from './asker.ts'
import type { Recruiting } from './crew.ts'
import type { Link } from './link.ts'
import type { ListPiece } from './messages.ts'
import type { Meter } from './meter.ts'
import type { Part } from './part.ts'
import type { BlockSource, ContentName } from './source.ts'
import type { Workbench, WorkpieceInit } from './workpiece.ts'

export interface FetchInit extends WorkpieceInit, Recruiting {
  readonly random: Random
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
  readonly #crew: Crew
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
    this.#inbox = new ListInbox({ ...init, onSlow: ({ peer }) => init.holders.fail(peer) })
    this.#crew = new Crew({
      ...init,
      ...{ parts: this.#parts, schedule: this.#work.schedule },
      countBlocks: () => this.#work.list?.blocks.length,
      onList: (part, piece) => this.#onList(part, piece),
      onBlock: (part, index, bytes) => this.#onBlock(part, index, bytes),
      onLeft: (part) => this.#inbox.leave(part),
      onNews: () => this.#onNews(),
    })
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
   * Gets all blocks together. Resolves with their list when all are in what was made for them.
   *
   * @throws MeshError `ERR_FILE_CONTENT_MISSING` when nobody delivers, `ERR_ABORTED`, `ERR_DISK_FULL`
   */
  async run(): Promise<BlockList> {
    const { signal, blocks, content } = this.#init
    const onAbort = (): void => this.#fail(aborted('the fetch of blocks'))
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    try {
      const known = await blocks.get(content.list, { signal })
      if (known !== undefined) await this.#takeList(known)
      this.lookForHolders()
      await this.#done.promise
      const { list } = this.#work
      if (list === undefined) throw new Error('nothing was put together')
      this.#state = 'finishing'
      return list
    } catch (error) {
      this.#fail(error)
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#ended = true
      this.#crew.leaveAll()
    }
  }

  /** What was put together stays for the next time. */
  async close(): Promise<void> {
    this.#ended = true
    await this.#work.assembly?.close()
  }

  /** What was put together goes: the disk is full, and others need the room. */
  async giveBack(): Promise<void> {
    this.#ended = true
    await this.#work.assembly?.giveBack()
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
    this.#crew.recruit(isHungry)
  }

  /** A peer fetches it as well, so it will have some of it. */
  interest(peer: PeerId): void {
    if (this.#init.interested.has(peer)) return
    this.#init.interested.add(peer)
    this.lookForHolders()
  }

  #onNews(): void {
    if (this.#state === 'searching' && this.#parts.hasSource()) this.#state = 'listing'
    this.#askForList()
    this.#init.onWork()
  }

  /** These are to be had as well from now on. */
  want(indexes: readonly number[]): void {
    this.#work.want(indexes)
    this.#init.onWork()
  }

  // The list.

  #askForList(): void {
    if (!this.#ended) this.#inbox.askSome(this.#parts.all())
  }

  #onList(part: Part, piece: ListPiece): void {
    const encoded = this.#inbox.take(part, piece)
    if (encoded === undefined) return
    this.#takeList(encoded).catch((error: unknown) => this.#fail(error))
  }

  /** @throws MeshError if what was signed cannot be put together, which is no holder's fault */
  async #takeList(encoded: Uint8Array): Promise<void> {
    if (this.#work.list !== undefined) return
    // At once: others who were asked may be sending it still.
    this.#inbox.close()
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

  async #copyLocal(assembly: Workbench): Promise<void> {
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
    const { isPreparing, schedule } = this.#work
    // What is on this machine is being looked through, however long that takes.
    if (isPreparing || schedule.hasLocal) return
    // Whoever reads it has not read what came.
    if (this.#work.assembly !== undefined && schedule.isEmpty) return
    if (!this.#isHopeless()) return
    this.#fail(nobody(this.#work.haveBytes, this.#init.sizeBytes))
  }

  #isHopeless(): boolean {
    const progressMs = Math.max(this.#work.progressMs, this.#inbox.progressMs)
    const quietMs = this.#init.clock.monotonicMs() - progressMs
    if (this.#parts.hasSource()) return quietMs >= HOLDER_WAIT_MS
    if (this.#parts.isAsking()) return quietMs >= HOLDER_ANSWER_TIMEOUT_MS
    return quietMs >= NOBODY_WAIT_MS || this.#init.isCrowded()
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
