import { BATCH_MS, FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from '../limits.ts'
import { MAX_FRAME_RECORDS, MAX_OUTBOX_BYTES } from '../limits.ts'
import { packParcels } from './messages.ts'
import type { Cancel, Clock } from '../../util/index.ts'
import type { Parcel } from './messages.ts'

/** What waits to be sent to one neighbour. */
export interface Outbox {
  /** Queues; what comes within {@link BATCH_MS} goes out in one frame. */
  push(parcel: Parcel): void
  /** Drops everything, for good. */
  close(): void
}

export interface OutboxInit {
  readonly clock: Clock
  /** Rejects when the stream has ended. */
  readonly send: (frame: Uint8Array) => Promise<void>
  readonly onSent: (parcels: number) => void
  /** More was queued than may wait, and all of it was dropped. */
  readonly onOverflow: () => void
}

/** The longest run at the head of the queue that fits into one frame. */
const takeFrame = (queue: Parcel[]): [Parcel, ...Parcel[]] | undefined => {
  const [head] = queue
  if (head === undefined) return undefined
  let count = 0
  let sizeBytes = FRAME_HEADER_BYTES
  for (const { type, collection, bytes } of queue) {
    if (type !== head.type || collection !== head.collection) break
    if (count > 0 && sizeBytes + bytes.length > MAX_FRAME_BYTES) break
    sizeBytes += bytes.length
    count++
    if (count === MAX_FRAME_RECORDS) break
  }
  const [, ...rest] = queue.splice(0, count)
  return [head, ...rest]
}

export const createOutbox = (init: OutboxInit): Outbox => {
  const { clock, send, onSent, onOverflow } = init
  const queue: Parcel[] = []
  let queuedBytes = 0
  let busy = false
  let closed = false
  let cancel: Cancel = () => {}

  const drop = (): void => {
    queue.length = 0
    queuedBytes = 0
  }

  const pump = async (): Promise<void> => {
    for (let frame = takeFrame(queue); frame !== undefined; frame = takeFrame(queue)) {
      for (const { bytes } of frame) queuedBytes -= bytes.length
      await send(packParcels(frame))
      if (closed) return
      onSent(frame.length)
    }
  }

  const start = (): void => {
    pump()
      .catch(() => {
        // The stream has ended; whoever reads it notices and closes this.
        drop()
      })
      .finally(() => {
        busy = false
      })
  }

  return {
    push(parcel) {
      if (closed) return
      if (queuedBytes + parcel.bytes.length > MAX_OUTBOX_BYTES) {
        drop()
        onOverflow()
        return
      }
      queue.push(parcel)
      queuedBytes += parcel.bytes.length
      if (busy) return
      busy = true
      cancel = clock.schedule(BATCH_MS, start)
    },
    close() {
      closed = true
      cancel()
      drop()
    },
  }
}
