/** One reader of blocks: what it says is done here, within the limits of one stream. */
import { MeshError } from '../../errors/index.ts'
import { GAINED_DELAY_MS, MAX_OPEN_CONTENTS, MAX_OUTSTANDING_BLOCKS } from '../limits.ts'
import { MIN_OPENED_BLOCKS } from '../limits.ts'
import { sleep } from '../async.ts'
import { malformed } from '../wire.ts'
import { createAnswers } from './answers.ts'
import { createOpened, newsOf, newsOfGained } from './opened.ts'
import { createReaderQueue } from './reader-queue.ts'
import type { PeerId } from '../../keys/index.ts'
import type { FrameStream } from '../../transport/index.ts'
import type { TokenBucket } from '../../util/index.ts'
import type { Answers, AnswersInit } from './answers.ts'
import type { BlockAnswer, BlockRequest } from './messages.ts'
import type { Opened } from './opened.ts'
import type { QueueInit, ReaderQueue } from './reader-queue.ts'
import type { BlockSource, ContentName } from './source.ts'
import type { Spread } from './spread.ts'

export interface ReaderInit extends QueueInit, AnswersInit {
  /** The blocks of a content, if a member may have them from this node. */
  readonly resolve: (content: ContentName, signal: AbortSignal) => Promise<BlockSource | undefined>
  /** A peer fetches this content: it will have some of it. */
  readonly onInterest: (content: ContentName, peer: PeerId) => void
  readonly spread: Spread
  /** What this peer may open, over all its streams. */
  readonly opensOf: (peer: PeerId) => TokenBucket
}

export class Reader {
  readonly #init: ReaderInit
  readonly stream: FrameStream
  readonly opened = new Map<number, Opened>()
  readonly #answers: Answers
  readonly #queue: ReaderQueue
  #asked = 0
  #cancelTell: (() => void) | undefined

  constructor(init: ReaderInit, stream: FrameStream) {
    this.#init = init
    this.stream = stream
    this.#answers = createAnswers(init, stream)
    this.#queue = createReaderQueue(init, {
      stream,
      answers: this.#answers,
      read: (opened, index, into) => this.#read(opened, index, into),
      onGiven: (opened, index) => this.#done(opened, index),
      onAbsent: (opened, index) => this.#absent(opened, index),
    })
  }

  async handle(message: BlockRequest): Promise<void> {
    if (message.type === 'open') return this.#open(message)
    const opened = this.opened.get(message.id)
    // It may just have been told that there is nothing, or have closed it.
    if (opened === undefined) return
    switch (message.type) {
      case 'close':
        this.#close(opened)
        this.#queue.close(opened)
        return this.#answers.hasRead()
      case 'ask-list':
        this.#queue.addList(opened)
        return this.#queue.work()
      case 'ask':
        for (const index of message.indexes) this.#ask(opened, index, message.insist)
        this.#queue.work()
        return this.#answers.hasRead()
      case 'cancel':
        for (const index of message.indexes) this.#cancel(opened, index)
        this.#queue.prune(opened)
    }
  }

  async #open(message: Extract<BlockRequest, { type: 'open' }>): Promise<void> {
    const { id, collection, name, digest, list } = message
    if (this.opened.has(id)) throw malformed(`content ${id} is open already`)
    if (this.opened.size >= MAX_OPEN_CONTENTS) {
      throw new MeshError('ERR_LIMIT_EXCEEDED', `more than ${MAX_OPEN_CONTENTS} contents are open`)
    }
    const content = { collection, name, digest, list }
    const opened = createOpened(this.#init, { id, content })
    this.opened.set(id, opened)
    await this.resolve(opened)
    await this.#payFor(opened)
    this.#init.onInterest(content, this.stream.peer)
    // Who opens and closes for ever and reads nothing would have the answers pile up.
    await this.#answers.hasRead()
  }

  /** Its next message is not read before. */
  async #payFor({ source }: Opened): Promise<void> {
    const { clock, opensOf } = this.#init
    const { peer, signal } = this.stream
    const cost = Math.max(MIN_OPENED_BLOCKS, source?.list()?.blocks.length ?? 0)
    const waitMs = opensOf(peer).take(cost)
    if (waitMs > 0) await sleep(clock, waitMs, signal)
  }

  /** Finds out what we have of it, and says so if that is news. */
  async resolve(opened: Opened): Promise<void> {
    const source = await this.#init.resolve(opened.content, this.stream.signal)
    if (opened.closed) return
    opened.source = source
    this.#say(newsOf(opened))
  }

  /** Tells of new blocks, those of one moment together. */
  gained(): void {
    this.#cancelTell ??= this.#init.clock.schedule(GAINED_DELAY_MS, () => {
      this.#cancelTell = undefined
      for (const opened of this.opened.values()) this.#say(newsOfGained(opened))
    })
  }

  #say(news: BlockAnswer | undefined): void {
    if (news !== undefined) this.#answers.say(news)
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
    this.#queue.addBlock(opened, index)
  }

  #done(opened: Opened, index: number): boolean {
    if (!opened.asked.delete(index)) return false
    this.#asked--
    return true
  }

  #absent(opened: Opened, index: number): void {
    const { id, key } = opened
    if (this.#done(opened, index)) this.#say({ type: 'not', id, index, why: 'absent' })
    this.#init.spread.withdraw(key, index, this.stream)
  }

  #cancel(opened: Opened, index: number): void {
    if (this.#done(opened, index)) this.#init.spread.withdraw(opened.key, index, this.stream)
  }

  #close(opened: Opened): void {
    opened.closed = true
    for (const index of [...opened.asked]) this.#done(opened, index)
    this.opened.delete(opened.id)
    this.#init.spread.leave(opened.key, this.stream)
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
