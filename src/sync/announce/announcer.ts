import { createTokenBuckets, forEachParallel } from '../../util/index.ts'
import { sleep } from '../async.ts'
import { skipUnsupported } from '../intake.ts'
import { ANNOUNCED_BURST, ANNOUNCED_PER_SECOND } from '../limits.ts'
import { MAX_PARALLEL_ACCEPTS, MAX_RATED_PEERS } from '../limits.ts'
import { packItem } from '../pack.ts'
import { createOverlay } from './overlay.ts'
import { haveParcel, itemParcel } from './messages.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Logger } from '../../observe/index.ts'
import type { FrameStream, Transport } from '../../transport/index.ts'
import type { Clock } from '../../util/index.ts'
import type { Collection, ContentRef, Item } from '../collection.ts'
import type { Intake } from '../intake.ts'
import type { WireItem } from '../wire.ts'
import type { AnnounceMessage, Holding } from './messages.ts'

/** Tells neighbours at once what is new, and passes on what they tell. */
export interface Announcer {
  start(): void
  stop(): Promise<void>
  neighbours(): readonly PeerId[]
  serve(stream: FrameStream): Promise<void>
  /** An item was stored here. */
  publish(collection: Collection, item: Item, from: PeerId | undefined): Promise<void>
  /** Content that had been missing is here. */
  publishHolding(collection: Collection, holding: Holding, from: PeerId | undefined): void
}

export interface AnnouncerInit {
  readonly transport: Transport
  readonly clock: Clock
  readonly logger: Logger
  readonly collections: ReadonlyMap<string, Collection>
  readonly intake: Intake
  readonly counts: { sent: number; received: number; relayed: number; refused: number }
  readonly onLink: (peer: PeerId) => void
  readonly onOverflow: (peer: PeerId) => void
  readonly onFault: (peer: PeerId, error: unknown) => void
  readonly onHolder: (
    collection: Collection,
    holder: { peer: PeerId; name: string; content: ContentRef },
  ) => void
}

export const createAnnouncer = (init: AnnouncerInit): Announcer => {
  const { collections, intake, counts, clock } = init
  const rateOf = createTokenBuckets<PeerId>(
    { clock },
    { perSecond: ANNOUNCED_PER_SECOND, burst: ANNOUNCED_BURST, maxKeys: MAX_RATED_PEERS },
  )
  let controller = new AbortController()

  const onItems = async (
    collection: Collection,
    items: readonly WireItem[],
    from: PeerId,
  ): Promise<void> => {
    // Not the stream's signal: what has come is taken in, whether its sender stays or not.
    const { signal } = controller
    await forEachParallel(items, MAX_PARALLEL_ACCEPTS, async (item) => {
      counts.received++
      const taken = await intake
        .take(collection, item, from, { signal, relay: true })
        .catch(skipUnsupported)
      if (taken === undefined || taken.outcome === 'refused') counts.refused++
      if (taken?.relay !== true) return
      counts.relayed++
      // We do not keep it, so whatever the sender holds, we do not.
      overlay.send(itemParcel(collection.name, { ...item, holds: false }), from)
    })
  }

  const onMessage = async (message: AnnounceMessage, from: PeerId): Promise<void> => {
    if (message.type !== 'items' && message.type !== 'have') return
    const { length: count } = message.type === 'items' ? message.items : message.holdings
    // Its next frame is not read before, so that it has to wait too.
    const waitMs = rateOf(from).take(count)
    if (waitMs > 0) await sleep(clock, waitMs, controller.signal)
    const collection = collections.get(message.collection)
    // A newer node may replicate more than we know of.
    if (collection === undefined) return
    if (message.type === 'items') return onItems(collection, message.items, from)
    for (const { name, digest } of message.holdings) {
      const [missing] = collection.missing(name)
      if (missing?.content.digest !== digest) continue
      init.onHolder(collection, { peer: from, name, content: missing.content })
    }
  }

  const overlay = createOverlay({
    transport: init.transport,
    clock: init.clock,
    logger: init.logger,
    onMessage,
    onLink: init.onLink,
    onOverflow: init.onOverflow,
    onFault: init.onFault,
    onSent: (records) => {
      counts.sent += records
    },
  })

  return {
    start() {
      controller = new AbortController()
      overlay.start()
    },
    async stop() {
      controller.abort()
      await overlay.stop()
    },
    neighbours: overlay.neighbours,
    serve: overlay.serve,

    async publish(collection, item, from) {
      // One reading of the content for all neighbours, and none if nobody would hear of it.
      if (!overlay.neighbours().some((peer) => peer !== from)) return
      const packed = await packItem(collection, item, controller.signal)
      overlay.send(itemParcel(collection.name, packed), from)
    },

    publishHolding(collection, holding, from) {
      overlay.send(haveParcel(collection.name, holding), from)
    },
  }
}
