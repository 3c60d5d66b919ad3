/** What one reader of blocks waits for, given one after another within the bandwidth. */
import { encodeBlockList } from '../../chunk/index.ts'
import { MeshError } from '../../errors/index.ts'
import { sleep } from '../async.ts'
import { BLOCK_PIECE_BYTES, MAX_BLOCK_PIECE_BYTES, SENDING_PATIENCE_MS } from '../limits.ts'
import { malformed } from '../wire.ts'
import { createHeldBlock } from './held-block.ts'
import type { FrameStream } from '../../transport/index.ts'
import type { BufferPool, Clock } from '../../util/index.ts'
import type { Answers } from './answers.ts'
import type { HeldBlock } from './held-block.ts'
import type { Opened } from './opened.ts'
import type { Rates } from './rates.ts'
import type { Slots } from './slots.ts'

export interface ReaderQueue {
  /** @throws MeshError `ERR_PROTOCOL_MALFORMED` when it waits already */
  addList(opened: Opened): void
  addBlock(opened: Opened, index: number): void
  /** What is not wanted any more does not wait for its turn. */
  prune(opened: Opened): void
  /** The reader has closed it. Says so when nothing more comes of it. */
  close(opened: Opened): void
  /** Begins to give what waits, unless that is under way. */
  work(): void
}

export interface QueueInit {
  readonly clock: Clock
  readonly rates: Rates
  readonly buffers: BufferPool
  /** Places for blocks in memory, for all readers together. */
  readonly slots: Slots
  readonly onSent: (bytes: number) => void
}

/** What the queue needs of its reader. */
export interface QueueUser {
  readonly stream: FrameStream
  readonly answers: Answers
  /** A block of a content; `undefined`: it is not here any more. */
  read(opened: Opened, index: number, into: Uint8Array): Promise<Uint8Array | undefined>
  /** The block has been given. */
  onGiven(opened: Opened, index: number): void
  /** There was nothing to give. */
  onAbsent(opened: Opened, index: number): void
}

type Job =
  | { readonly type: 'list'; readonly opened: Opened }
  | { readonly type: 'block'; readonly opened: Opened; readonly index: number }

export const createReaderQueue = (init: QueueInit, user: QueueUser): ReaderQueue => {
  const { clock, rates, buffers, slots, onSent } = init
  const { stream, answers } = user
  let jobs: Job[] = []
  let sending = false
  /** What is being given. */
  let current: Opened | undefined

  /** Waits until so many bytes may go. */
  const take = async (bytes: number): Promise<void> => {
    const waitMs = rates.takeUpload(stream.peer, bytes)
    if (waitMs > 0) await sleep(clock, waitMs, stream.signal)
  }

  const giveList = async ({ id, source }: Opened): Promise<void> => {
    const list = source?.list()
    if (list === undefined) return
    const encoded = encodeBlockList(list)
    for (let offset = 0; offset < encoded.length; offset += MAX_BLOCK_PIECE_BYTES) {
      const bytes = encoded.subarray(offset, offset + MAX_BLOCK_PIECE_BYTES)
      await take(bytes.length)
      await answers.send({ type: 'list', id, sizeBytes: encoded.length, offset, bytes })
    }
  }

  const givePieces = async (opened: Opened, index: number, block: HeldBlock): Promise<void> => {
    const { id, meter } = opened
    for (let offset = 0, size = 1; offset < size; ) {
      const bytes = await block.bytes()
      if (bytes === undefined) {
        if (offset > 0) throw new MeshError('ERR_STREAM_CLOSED', 'a block has gone half-way')
        user.onAbsent(opened, index)
        return
      }
      size = bytes.length
      const piece = bytes.subarray(offset, offset + BLOCK_PIECE_BYTES)
      // Who reads slowly keeps nobody else from being given anything. The buffer is not given back
      // then: the piece may still have to be copied out of it.
      const cancel = clock.schedule(SENDING_PATIENCE_MS, () => block.letGo())
      try {
        await take(piece.length)
        await answers.send({ type: 'piece', id, index, offset, bytes: piece })
      } finally {
        cancel()
      }
      meter.add(piece.length)
      onSent(piece.length)
      offset += piece.length
    }
    user.onGiven(opened, index)
  }

  const giveBlock = async (opened: Opened, index: number): Promise<void> => {
    if (!opened.asked.has(index)) return
    const block = createHeldBlock({
      ...{ buffers, slots, signal: stream.signal },
      sizeBytes: () => opened.source?.list()?.blocks[index]?.sizeBytes ?? 0,
      read: (into) => user.read(opened, index, into),
    })
    try {
      await givePieces(opened, index, block)
    } finally {
      block.end()
    }
  }

  const run = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      current = job.opened
      if (job.type === 'list') await giveList(job.opened)
      else await giveBlock(job.opened, job.index)
      current = undefined
      if (job.opened.closed) answers.say({ type: 'closed', id: job.opened.id })
    }
    // At once: whoever asks in the next moment has to find that nobody is at work.
    sending = false
  }

  const prune = (opened: Opened): void => {
    jobs = jobs.filter(
      (job) =>
        job.opened !== opened ||
        (!opened.closed && (job.type === 'list' || opened.asked.has(job.index))),
    )
  }

  return {
    addList(opened) {
      if (jobs.some((job) => job.type === 'list' && job.opened === opened)) {
        throw malformed('a block list is asked for twice')
      }
      jobs.push({ type: 'list', opened })
    },
    addBlock(opened, index) {
      jobs.push({ type: 'block', opened, index })
    },
    prune,
    close(opened) {
      prune(opened)
      // A block that is on its way comes to its end before.
      if (current !== opened) answers.say({ type: 'closed', id: opened.id })
    },
    work() {
      if (sending) return
      sending = true
      run().catch((error: unknown) => {
        stream.abort(error instanceof Error ? error : new Error(String(error)))
      })
    },
  }
}
