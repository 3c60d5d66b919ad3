import { encodeBlockList } from '../../chunk/index.ts'
import { MeshError } from '../../errors/index.ts'
import { sleep, watch } from '../async.ts'
import {
  GAINED_DELAY_MS,
  MAX_BLOCK_FRAME_BYTES,
  BLOCK_PIECE_BYTES,
  MAX_BLOCK_PIECE_BYTES,
} from '../limits.ts'
import { MAX_BLOCK_STREAMS_PER_PEER, MAX_GAINED_INDEXES, MAX_OPEN_CONTENTS } from '../limits.ts'
import { MAX_OUTSTANDING_BLOCKS, MAX_SENDING_BLOCKS, SENDING_PATIENCE_MS } from '../limits.ts'
import { MAX_UNREAD_ANSWERS, SERVE_STALL_MS } from '../limits.ts'
import { malformed } from '../wire.ts'
import { createBitmap } from './bitmap.ts'
import { decodeBlockRequest, encodeBlockAnswer, encodePieceHead } from './messages.ts'
import { createMeter } from './meter.ts'
import { createSlots } from './slots.ts'
import { keyOfContent } from './source.ts'
import { createSpread } from './spread.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Logger } from '../../observe/index.ts'
import type { FrameStream, ProtocolInit } from '../../transport/index.ts'
import type { BufferPool, Clock } from '../../util/index.ts'
import type { Serving } from '../types.ts'
import type { Bitmap } from './bitmap.ts'
import type { BlockAnswer, BlockRequest } from './messages.ts'
import type { Meter } from './meter.ts'
import type { Rates } from './rates.ts'
import type { Slots } from './slots.ts'
import type { BlockSource, ContentName } from './source.ts'
import type { Spread } from './spread.ts'

export const BLOCKS_PROTOCOL = '/mesh/blocks/1'
export const BLOCKS_INIT: ProtocolInit = {
  maxFrameBytes: MAX_BLOCK_FRAME_BYTES,
  maxStreamsPerPeer: MAX_BLOCK_STREAMS_PER_PEER,
}

/** Gives blocks to the members that ask for them by a name that this node serves. */
export interface BlockServer {
  start(): void
  serve(stream: FrameStream): Promise<void>
  stop(): Promise<void>
  /** Something about this name has changed: what is open of it is looked at again. */
  refresh(collection: string, name: string): void
  /** Blocks of a content that is being fetched have come. */
  gained(content: ContentName): void
  sending(): readonly Serving[]
}

export interface BlockServerInit {
  readonly clock: Clock
  readonly logger: Logger
  readonly rates: Rates
  /** The blocks of a content, if a member may have them from this node. */
  readonly resolve: (content: ContentName, signal: AbortSignal) => Promise<BlockSource | undefined>
  /** A peer fetches this content: it will have some of it. */
  readonly onInterest: (content: ContentName, peer: PeerId) => void
  readonly onSent: (bytes: number) => void
  /** For blocks on their way out. */
  readonly buffers: BufferPool
}

/** A content that a reader has open. */
interface Opened {
  readonly id: number
  readonly content: ContentName
  readonly key: string
  readonly startedAtMs: number
  readonly meter: Meter
  source: BlockSource | undefined
  /** What the reader was told that we have; `undefined`: nothing yet. */
  told: Bitmap | 'all' | 'none' | undefined
  /** Blocks asked for and not given. */
  readonly asked: Set<number>
  closed: boolean
}

type Job =
  | { readonly type: 'list'; readonly opened: Opened }
  | { readonly type: 'block'; readonly opened: Opened; readonly index: number }

interface Components extends BlockServerInit {
  readonly slots: Slots
  readonly spread: Spread
}

/** One reader: what it has open, and what it waits for. */
class Reader {
  readonly #init: Components
  readonly stream: FrameStream
  readonly opened = new Map<number, Opened>()
  #jobs: Job[] = []
  #asked = 0
  #unread = 0
  #onRead: (() => void) | undefined
  #sending = false
  #cancelTell: (() => void) | undefined

  constructor(init: Components, stream: FrameStream) {
    this.#init = init
    this.stream = stream
  }

  /** One frame, to a reader that has to keep up. */
  #send(message: BlockAnswer): Promise<void> {
    const { stream } = this
    return watch(
      { clock: this.#init.clock, limitMs: SERVE_STALL_MS, giveUp: (why) => stream.abort(why) },
      `blocks for ${stream.peer}`,
      () =>
        message.type === 'piece'
          ? stream.send(encodePieceHead(message), message.bytes)
          : stream.send(encodeBlockAnswer(message)),
    )
  }

  /** What cannot be sent ends the stream, which whoever reads from it notices. */
  #say(message: BlockAnswer): void {
    this.#unread++
    this.#send(message)
      .catch((error: unknown) => {
        this.#init.logger.debug({ peer: this.stream.peer, error }, 'a reader of blocks is gone')
      })
      .finally(() => {
        this.#unread--
        this.#onRead?.()
      })
  }

  /** Resolves when the reader has taken most of what was said. */
  async #hasRead(): Promise<void> {
    while (this.#unread > MAX_UNREAD_ANSWERS && !this.stream.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#onRead = resolve
      })
    }
  }

  async handle(message: BlockRequest): Promise<void> {
    if (message.type === 'open') return this.#open(message)
    const opened = this.opened.get(message.id)
    // It may just have been told that there is nothing, or have closed it.
    if (opened === undefined) return
    switch (message.type) {
      case 'close':
        return this.#close(opened)
      case 'ask-list':
        if (this.#jobs.some((job) => job.type === 'list' && job.opened === opened)) {
          throw malformed('a block list is asked for twice')
        }
        this.#jobs.push({ type: 'list', opened })
        return this.#work()
      case 'ask':
        for (const index of message.indexes) this.#ask(opened, index, message.insist)
        this.#work()
        return this.#hasRead()
      case 'cancel':
        for (const index of message.indexes) this.#cancel(opened, index)
        this.#forgetJobs(opened)
    }
  }

  async #open(message: Extract<BlockRequest, { type: 'open' }>): Promise<void> {
    if (this.opened.has(message.id)) throw malformed(`content ${message.id} is open already`)
    if (this.opened.size >= MAX_OPEN_CONTENTS) {
      throw new MeshError('ERR_LIMIT_EXCEEDED', `more than ${MAX_OPEN_CONTENTS} contents are open`)
    }
    const { collection, name, digest, list } = message
    const content = { collection, name, digest, list }
    const opened: Opened = {
      id: message.id,
      content,
      key: keyOfContent(content),
      startedAtMs: this.#init.clock.nowMs(),
      meter: createMeter(this.#init),
      source: undefined,
      told: undefined,
      asked: new Set(),
      closed: false,
    }
    this.opened.set(message.id, opened)
    await this.resolve(opened)
    this.#init.onInterest(content, this.stream.peer)
    // Who opens and closes for ever and reads nothing would have the answers pile up.
    await this.#hasRead()
  }

  /** Finds out what we have of it, and says so if that is news. */
  async resolve(opened: Opened): Promise<void> {
    const source = await this.#init.resolve(opened.content, this.stream.signal)
    if (opened.closed) return
    opened.source = source
    this.tell(opened)
  }

  tell(opened: Opened): void {
    const { id, source, told } = opened
    if (source === undefined) {
      // Open all the same: it may come to be served a moment later.
      if (told !== 'none') this.#say({ type: 'none', id })
      opened.told = 'none'
    } else if (source.isComplete()) {
      if (told !== 'all') this.#say({ type: 'all', id })
      opened.told = 'all'
    } else {
      const length = source.list()?.blocks.length ?? 0
      if (typeof told === 'object' && told.length === length) return
      const have = createBitmap(length)
      for (let index = 0; index < length; index++) if (source.has(index)) have.add(index)
      this.#say({ type: 'some', id, count: length, have: have.bytes })
      opened.told = have
    }
  }

  /** Tells of new blocks, those of one moment together. */
  gained(): void {
    this.#cancelTell ??= this.#init.clock.schedule(GAINED_DELAY_MS, () => {
      this.#cancelTell = undefined
      for (const opened of this.opened.values()) this.#tellGained(opened)
    })
  }

  #tellGained(opened: Opened): void {
    const { id, source, told } = opened
    if (source === undefined) return
    const length = source.list()?.blocks.length ?? 0
    if (source.isComplete() || typeof told !== 'object' || told.length !== length) {
      this.tell(opened)
      return
    }
    const indexes: number[] = []
    for (let index = 0; index < length && indexes.length < MAX_GAINED_INDEXES; index++) {
      if (source.has(index) && told.add(index)) indexes.push(index)
    }
    if (indexes.length > 0) this.#say({ type: 'gained', id, indexes })
  }

  #ask(opened: Opened, index: number, insist: boolean): void {
    const { id, source, asked, key } = opened
    const not = (why: 'absent' | 'elsewhere'): void => this.#say({ type: 'not', id, index, why })
    if (asked.has(index)) throw malformed(`block ${index} is asked for twice`)
    const count = source?.list()?.blocks.length ?? 0
    if (source?.has(index) !== true) {
      not('absent')
      return
    }
    if (!insist && !this.#init.spread.assign(key, count, index, this.stream)) {
      not('elsewhere')
      return
    }
    if (this.#asked >= MAX_OUTSTANDING_BLOCKS) {
      throw new MeshError(
        'ERR_LIMIT_EXCEEDED',
        `more than ${MAX_OUTSTANDING_BLOCKS} blocks are asked for`,
      )
    }
    asked.add(index)
    this.#asked++
    this.#jobs.push({ type: 'block', opened, index })
  }

  #done(opened: Opened, index: number): boolean {
    if (!opened.asked.delete(index)) return false
    this.#asked--
    return true
  }

  #cancel(opened: Opened, index: number): void {
    if (this.#done(opened, index)) this.#init.spread.withdraw(opened.key, index, this.stream)
  }

  /** What is not wanted any more does not wait for its turn. */
  #forgetJobs(opened: Opened): void {
    this.#jobs = this.#jobs.filter(
      (job) =>
        job.opened !== opened ||
        (!opened.closed && (job.type === 'list' || opened.asked.has(job.index))),
    )
  }

  #close(opened: Opened): void {
    opened.closed = true
    for (const index of [...opened.asked]) this.#done(opened, index)
    this.opened.delete(opened.id)
    this.#forgetJobs(opened)
    this.#init.spread.leave(opened.key, this.stream)
  }

  /** Gives what was asked for, one after another. */
  #work(): void {
    if (this.#sending) return
    this.#sending = true
    const run = async (): Promise<void> => {
      for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
        if (job.opened.closed) continue
        if (job.type === 'list') await this.#giveList(job.opened)
        else await this.#giveBlock(job.opened, job.index)
      }
      // At once: whoever asks in the next moment has to find that nobody is at work.
      this.#sending = false
    }
    run().catch((error: unknown) => {
      this.stream.abort(error instanceof Error ? error : new Error(String(error)))
    })
  }

  async #giveList({ id, source }: Opened): Promise<void> {
    const list = source?.list()
    if (list === undefined) return
    const encoded = encodeBlockList(list)
    for (let offset = 0; offset < encoded.length; offset += MAX_BLOCK_PIECE_BYTES) {
      const bytes = encoded.subarray(offset, offset + MAX_BLOCK_PIECE_BYTES)
      await this.#take(bytes.length)
      await this.#send({ type: 'list', id, sizeBytes: encoded.length, offset, bytes })
    }
  }

  /** Waits until so many bytes may go. */
  async #take(bytes: number): Promise<void> {
    const waitMs = this.#init.rates.takeUpload(this.stream.peer, bytes)
    if (waitMs > 0) await sleep(this.#init.clock, waitMs, this.stream.signal)
  }

  async #giveBlock(opened: Opened, index: number): Promise<void> {
    if (!opened.asked.has(index)) return
    const { id, meter } = opened
    const { buffers, clock, slots, onSent } = this.#init
    const { signal } = this.stream
    let held: { readonly bytes: Uint8Array; release(): void; give(): void } | undefined
    const letGo = (): void => {
      held?.release()
      held = undefined
    }
    const hold = async (): Promise<Uint8Array | undefined> => {
      if (held !== undefined) return held.bytes
      const release = await slots.take(signal)
      const buffer = buffers.take(opened.source?.list()?.blocks[index]?.sizeBytes ?? 0)
      const give = (): void => buffers.give(buffer)
      const bytes = await this.#read(opened, index, buffer).catch((error: unknown) => {
        release()
        give()
        throw error
      })
      if (bytes === undefined) {
        release()
        give()
      } else held = { bytes, release, give }
      return bytes
    }
    try {
      for (let offset = 0, size = 1; offset < size; ) {
        const bytes = await hold()
        if (bytes === undefined) {
          if (offset > 0) throw new MeshError('ERR_STREAM_CLOSED', 'a block has gone half-way')
          if (this.#done(opened, index)) this.#say({ type: 'not', id, index, why: 'absent' })
          this.#init.spread.withdraw(opened.key, index, this.stream)
          return
        }
        size = bytes.length
        const piece = bytes.subarray(offset, offset + BLOCK_PIECE_BYTES)
        const frame = { type: 'piece', id, index, offset, bytes: piece } as const
        // Who reads slowly keeps nobody else from being given anything. The buffer is not given back
        // then: the piece may still have to be copied out of it.
        const cancel = clock.schedule(SENDING_PATIENCE_MS, letGo)
        try {
          await this.#take(piece.length)
          await this.#send(frame)
        } finally {
          cancel()
        }
        meter.add(piece.length)
        onSent(piece.length)
        offset += piece.length
      }
      this.#done(opened, index)
    } finally {
      held?.give()
      letGo()
    }
  }

  async #read(opened: Opened, index: number, into: Uint8Array): Promise<Uint8Array | undefined> {
    const { signal } = this.stream
    const found = await opened.source?.read(index, signal, into)
    if (found !== undefined || opened.closed) return found
    // What was being fetched is shown by now, or what was shown is not any more.
    await this.resolve(opened)
    return opened.source?.read(index, signal, into)
  }

  end(): void {
    this.#cancelTell?.()
    for (const opened of [...this.opened.values()]) this.#close(opened)
  }
}

export const createBlockServer = (init: BlockServerInit): BlockServer => {
  const components = { ...init, slots: createSlots(MAX_SENDING_BLOCKS), spread: createSpread() }
  const readers = new Map<Reader, Promise<void>>()
  let running = false

  const read = async (reader: Reader): Promise<void> => {
    const { stream } = reader
    for (;;) {
      const frame = await stream.receive()
      if (frame === undefined) return
      await reader.handle(decodeBlockRequest(frame))
    }
  }

  return {
    start() {
      running = true
    },
    async serve(stream) {
      if (!running) throw new MeshError('ERR_ABORTED', 'sync is not running')
      const reader = new Reader(components, stream)
      const promise = read(reader)
      readers.set(reader, promise)
      try {
        await promise
        await stream.close()
      } finally {
        readers.delete(reader)
        reader.end()
      }
    },
    async stop() {
      running = false
      const reason = new MeshError('ERR_ABORTED', 'sync stops')
      for (const { stream } of readers.keys()) stream.abort(reason)
      await Promise.allSettled(readers.values())
    },
    refresh(collection, name) {
      for (const reader of readers.keys()) {
        for (const opened of reader.opened.values()) {
          const { content } = opened
          if (content.collection !== collection || content.name !== name) continue
          reader.resolve(opened).catch((error: unknown) => {
            init.logger.debug({ name, error }, 'a content could not be looked at again')
          })
        }
      }
    },
    gained(content) {
      const key = keyOfContent(content)
      for (const reader of readers.keys()) {
        for (const opened of reader.opened.values()) if (opened.key === key) reader.gained()
      }
    },
    sending: () =>
      [...readers.keys()]
        .flatMap(({ stream: { peer }, opened }) =>
          [...opened.values()].map(({ content, startedAtMs, meter }) => ({
            ...{ collection: content.collection, name: content.name, digest: content.digest },
            ...{ peer, startedAtMs, bytes: meter.bytes, bytesPerSecond: meter.bytesPerSecond() },
          })),
        )
        .sort((a, b) => (`${a.peer} ${a.name}` < `${b.peer} ${b.name}` ? -1 : 1)),
  }
}
