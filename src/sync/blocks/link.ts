/** The stream to one holder, over which it is asked for the blocks of any number of contents. */
import { MeshError } from '../../errors/index.ts'
import { sleep } from '../async.ts'
import { IDLE_BLOCK_STREAM_MS, MAX_DROPPED_BLOCKS, MAX_OPEN_CONTENTS } from '../limits.ts'
import { MIN_RATE_WINDOW_MS } from '../limits.ts'
import { malformed } from '../wire.ts'
import { createBitmapOf } from './bitmap.ts'
import { createInbox } from './incoming.ts'
import { decodeBlockAnswer, encodeBlockRequest } from './messages.ts'
import { createOwed } from './owed.ts'
import { BLOCKS_INIT, BLOCKS_PROTOCOL } from './server.ts'
import type { PeerId } from '../../keys/index.ts'
import type { FrameStream, Transport } from '../../transport/index.ts'
import type { BufferPool, Cancel, Clock } from '../../util/index.ts'
import type { Bitmap } from './bitmap.ts'
import type { Arrived, Asked } from './incoming.ts'
import type { BlockAnswer, BlockPiece, BlockRequest, ListPiece } from './messages.ts'
import type { OwedByAll } from './owed.ts'
import type { Rates } from './rates.ts'
import type { Slots } from './slots.ts'
import type { ContentName } from './source.ts'

/** What a fetch hears from one holder. */
export interface LinkUser {
  readonly content: ContentName
  onHave(have: 'none' | 'all' | Bitmap): void
  onGained(indexes: readonly number[]): void
  onList(piece: ListPiece): void
  /** So many bytes of blocks have come. */
  onBytes(bytes: number): void
  /** A whole block, not verified. What it rejects with ends the link. */
  onBlock(index: number, bytes: Uint8Array): Promise<void>
  onNot(index: number, why: 'absent' | 'elsewhere'): void
  /** Nothing more comes from this holder. */
  onEnd(error: MeshError): void
}

/** One holder, asked for the blocks of any number of contents over one stream that is kept. */
export interface Link {
  readonly peer: PeerId
  /** Bytes a second, lately. */
  bytesPerSecond(): number
  /** Bytes that may be asked for now. */
  roomBytes(): number
  /** Nothing is under way. */
  isIdle(): boolean
  /** Contents that somebody wants of it. */
  users(): number
  /** Contents that are remembered: open ones, and those of which something may still come. */
  size(): number
  open(user: LinkUser): LinkedContent
  /** Holds the holder to a minimum rate; called now and then. */
  check(): void
  end(error: MeshError): void
}

/** One content at one holder. */
export interface LinkedContent {
  askList(): void
  ask(indexes: readonly { index: number; sizeBytes: number }[], insist: boolean): void
  /** They have come from elsewhere. */
  cancel(indexes: readonly number[]): void
  /** A cancelled block may still be on its way, and cannot be asked for again before. */
  mayAsk(index: number): boolean
  close(): void
}

export interface LinkInit {
  readonly transport: Transport
  readonly clock: Clock
  readonly rates: Rates
  /** There may be room for more. */
  readonly onRoom: () => void
  readonly onEnd: (link: Link, error: MeshError) => void
  /** For blocks on their way in. */
  readonly buffers: BufferPool
  /** Places for blocks that are being checked and written, for all links together. */
  readonly writers: Slots
  readonly owedByAll: OwedByAll
}

/** A content that the holder was told of. */
interface Entry {
  readonly user: LinkUser
  readonly asked: Map<number, Asked>
  closed: boolean
}

export const createLink = (init: LinkInit, peer: PeerId): Link => {
  const { transport, clock, rates, buffers } = init
  const controller = new AbortController()
  const entries = new Map<number, Entry>()
  const owed = createOwed(init)
  const inbox = createInbox({
    buffers,
    askedFor: (id, index) => entries.get(id)?.asked.get(index),
    onBytes: owed.came,
  })
  let nextId = 1
  let stream: FrameStream | undefined
  let sending: Promise<void> = Promise.resolve()
  let writing = 0
  let ended = false
  let cancelIdle: Cancel | undefined

  const fail = (error: MeshError): void => {
    if (ended) return
    ended = true
    cancelIdle?.()
    controller.abort()
    owed.end()
    stream?.abort(error)
    for (const entry of entries.values()) if (!entry.closed) entry.user.onEnd(error)
    entries.clear()
    init.onEnd(link, error)
  }

  const asMeshError = (error: unknown): MeshError => {
    if (error instanceof MeshError) return error
    return new MeshError('ERR_INTERNAL', `blocks from ${peer}: ${String(error)}`, { cause: error })
  }

  const connect = async (): Promise<FrameStream> => {
    const { signal } = controller
    stream = await transport.open(peer, BLOCKS_PROTOCOL, BLOCKS_INIT, { signal })
    if (signal.aborted) stream.abort(new MeshError('ERR_ABORTED', 'the fetch was cancelled'))
    receive(stream).catch((error: unknown) => fail(asMeshError(error)))
    return stream
  }
  const connected = connect()
  connected.catch((error: unknown) => fail(asMeshError(error)))

  const say = (message: BlockRequest): void => {
    sending = sending
      .then(async () => {
        const to = await connected
        if (!ended) await to.send(encodeBlockRequest(message))
      })
      .catch((error: unknown) => fail(asMeshError(error)))
  }

  const settle = (entry: Entry, index: number, asked: Asked): void => {
    entry.asked.delete(index)
    owed.remove(asked.dropped ? 0 : asked.sizeBytes)
  }

  const drop = (entry: Entry, index: number, asked: Asked): void => {
    if (asked.dropped) return
    asked.dropped = true
    owed.remove(asked.sizeBytes)
    if (entry.asked.size > MAX_DROPPED_BLOCKS) entry.asked.delete(index)
  }

  const countUsers = (): number => [...entries.values()].filter(({ closed }) => !closed).length

  /** Keeps the stream for a while, in case there is more to be had. */
  const watchIdle = (): void => {
    cancelIdle?.()
    cancelIdle = undefined
    if (countUsers() > 0) return
    cancelIdle = clock.schedule(IDLE_BLOCK_STREAM_MS, () =>
      fail(new MeshError('ERR_STREAM_CLOSED', 'nothing more is wanted')),
    )
  }

  const take = async (message: BlockPiece): Promise<void> => {
    const { id, index } = message
    const arrived = inbox.take(message)
    const entry = entries.get(id)
    entry?.user.onBytes(message.bytes.length)
    if (arrived === undefined || entry === undefined) return
    if (!arrived.asked.dropped && !entry.closed) {
      entry.asked.delete(index)
      return hand(entry.user, index, arrived)
    }
    settle(entry, index, arrived.asked)
    if (entry.closed && entry.asked.size === 0) entries.delete(id)
    buffers.give(arrived.buffer)
    init.onRoom()
  }

  /** Lets the next block come in while this one is written, unless too many are. It is owed until it is. */
  const hand = async (user: LinkUser, index: number, { bytes, buffer }: Arrived): Promise<void> => {
    writing++
    const release = await init.writers.take(controller.signal).catch((error: unknown) => {
      writing--
      throw error
    })
    user
      .onBlock(index, bytes)
      .catch((error: unknown) => fail(asMeshError(error)))
      .finally(() => {
        writing--
        owed.remove(bytes.length)
        release()
        buffers.give(buffer)
        init.onRoom()
      })
  }

  const handle = async (message: BlockAnswer): Promise<void> => {
    if (message.type === 'piece') return take(message)
    const entry = entries.get(message.id)
    if (entry === undefined) return
    const { user, asked } = entry
    if (message.type === 'closed') {
      if (!entry.closed) throw malformed('the end of a content that is open')
      for (const [index, each] of [...asked]) settle(entry, index, each)
      entries.delete(message.id)
      return init.onRoom()
    }
    if (message.type === 'not') {
      const each = asked.get(message.index)
      if (each === undefined) throw malformed(`an answer about block ${message.index}`)
      settle(entry, message.index, each)
      if (entry.closed && asked.size === 0) entries.delete(message.id)
      if (!each.dropped && !entry.closed) user.onNot(message.index, message.why)
      return init.onRoom()
    }
    if (entry.closed) return
    switch (message.type) {
      case 'none':
      case 'all':
        return user.onHave(message.type)
      case 'some':
        return user.onHave(createBitmapOf(message.count, message.have))
      case 'gained':
        return user.onGained(message.indexes)
      case 'list':
        return user.onList(message)
    }
  }

  const receive = async (from: FrameStream): Promise<void> => {
    for (;;) {
      const frame = await from.receive()
      if (frame === undefined) throw new MeshError('ERR_STREAM_CLOSED', 'the holder has ended')
      const waitMs = rates.takeDownload(peer, frame.length)
      if (waitMs > 0) {
        owed.paused(waitMs)
        await sleep(clock, waitMs, controller.signal)
      }
      await handle(decodeBlockAnswer(frame))
    }
  }

  const link: Link = {
    peer,
    bytesPerSecond: () => owed.bytesPerSecond(),
    roomBytes: () => (ended ? 0 : owed.roomBytes()),
    isIdle: () => owed.isNothing(),
    users: countUsers,
    size: () => entries.size,
    open(user) {
      const id = nextId++
      const entry: Entry = { user, asked: new Map(), closed: false }
      entries.set(id, entry)
      watchIdle()
      say({ type: 'open', id, ...user.content })
      return {
        askList: () => say({ type: 'ask-list', id }),
        mayAsk: (index) => !entry.asked.has(index),
        ask(blocks, insist) {
          for (const { index, sizeBytes } of blocks) {
            entry.asked.set(index, { sizeBytes, dropped: false })
            owed.add(sizeBytes)
          }
          owed.expect()
          const indexes = blocks.map(({ index }) => index).sort((a, b) => a - b)
          say({ type: 'ask', id, insist, indexes })
        },
        cancel(indexes) {
          const dropped = indexes.filter((index) => entry.asked.get(index)?.dropped === false)
          if (dropped.length === 0) return
          for (const index of dropped) {
            const asked = entry.asked.get(index)
            if (asked !== undefined) drop(entry, index, asked)
          }
          say({ type: 'cancel', id, indexes: dropped.sort((a, b) => a - b) })
        },
        close() {
          if (entry.closed || ended) return
          entry.closed = true
          for (const [index, asked] of [...entry.asked]) drop(entry, index, asked)
          say({ type: 'close', id })
          if (entry.asked.size === 0) entries.delete(id)
          watchIdle()
          if (entries.size - countUsers() > MAX_OPEN_CONTENTS) {
            fail(new MeshError('ERR_STREAM_CLOSED', 'the holder confirms no end'))
          }
        },
      }
    },
    check() {
      const bytes = owed.tooFew(writing > 0)
      if (bytes === undefined) return
      const seconds = MIN_RATE_WINDOW_MS / 1_000
      fail(new MeshError('ERR_TIMEOUT', `only ${bytes} bytes of blocks in ${seconds} s`))
    },
    end: fail,
  }
  return link
}
