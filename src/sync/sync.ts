import { isMeshError } from '../errors/index.ts'
import { ANNOUNCE_INIT, ANNOUNCE_PROTOCOL } from './announce/overlay.ts'
import { createAnnouncer } from './announce/announcer.ts'
import { createBlockExchange } from './blocks/exchange.ts'
import { createRates } from './blocks/rates.ts'
import { BLOCKS_INIT, BLOCKS_PROTOCOL } from './blocks/server.ts'
import { createElsewhere } from './collections/elsewhere.ts'
import { createFilesCollection } from './collections/files.ts'
import { createShelf } from './collections/shelf.ts'
import { createFetcher } from './content/fetcher.ts'
import { CONTENT_INIT, CONTENT_PROTOCOL, createContentServer } from './content/server.ts'
import { createIntake } from './intake.ts'
import { DEFAULT_PUSH_PULL_INTERVAL_MS } from './limits.ts'
import { PUSH_PULL_INIT, PUSH_PULL_PROTOCOL } from './push-pull/channel.ts'
import { createPushPull } from './push-pull/push-pull.ts'
import type { Blocks } from '../blocks/index.ts'
import type { ErrorCode } from '../errors/index.ts'
import type { Files } from '../files/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Health, Logger, Workers } from '../observe/index.ts'
import type { NetworkId } from '../statement/index.ts'
import type { Transport } from '../transport/index.ts'
import type { Clock, Random } from '../util/index.ts'
import type { Bandwidth } from './blocks/rates.ts'
import type { ReadThrough } from './blocks/read-through.ts'
import type { Collection } from './collection.ts'
import type { Engine, Sync } from './types.ts'

/** What the engine needs, whatever it replicates. */
export interface EngineComponents {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly workers: Workers
  readonly health: Health
}

export interface BlockComponents extends EngineComponents {
  /** Where blocks are kept; without it content moves whole. */
  readonly blocks?: Blocks
}

export interface EngineInit {
  /** Between two push-pulls of this node. @default 30 s */
  readonly pushPullIntervalMs?: number
  /** How many nodes the mesh has, as far as is known. @default those connected, and this one */
  readonly meshSize?: () => number
  /** What content may take of the network. @default no limit */
  readonly bandwidth?: Bandwidth
}

export interface SyncInit extends EngineInit {
  /** Statements of other networks are not passed on. */
  readonly network: NetworkId
}

/**
 * What no honest peer does; everything else that fails is nobody's fault. On streams that the peer
 * opened the transport blames it for what our handlers throw, so this is for those that we opened.
 */
const FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_PROTOCOL_MALFORMED',
  'ERR_SIGNATURE_INVALID',
  'ERR_FILE_CONTENT_MISMATCH',
  'ERR_LIMIT_EXCEEDED',
])

/** Replicates collections: the three protocols over one transport, joined. */
export const createEngine = (
  components: BlockComponents,
  init: EngineInit & { collections: readonly Collection[] },
): Engine & { readonly read: ReadThrough['stream'] | undefined } => {
  const { transport, clock, random, logger, workers, blocks } = components
  const collections = new Map(init.collections.map((collection) => [collection.name, collection]))
  const announce = { sent: 0, received: 0, relayed: 0, refused: 0 }
  const content = { fetches: 0, failures: 0 }
  const unsubscribes: (() => void)[] = []
  let running = false

  const onFault = (peer: PeerId, error: unknown): void => {
    if (isMeshError(error) && FAULTS.has(error.code)) transport.blame(peer, error)
    // What no code names is a defect of ours, and must not hide.
    else logger[isMeshError(error) ? 'debug' : 'error']({ peer, error }, 'an exchange failed')
  }

  const intake = createIntake({
    clock,
    onHolder: (collection, { name, content, peer }) =>
      fetcher.addHolder(collection, name, content, peer),
  })

  const pushPull = createPushPull({
    transport,
    clock,
    random,
    logger,
    workers,
    collections,
    intake,
    intervalMs: init.pushPullIntervalMs ?? DEFAULT_PUSH_PULL_INTERVAL_MS,
    ...(init.meshSize === undefined ? {} : { meshSize: init.meshSize }),
    onFault,
    onBulk: (from) => {
      for (const peer of announcer.neighbours()) if (peer !== from) pushPull.due(peer)
    },
  })

  const announcer = createAnnouncer({
    transport,
    clock,
    logger,
    collections,
    intake,
    counts: announce,
    onLink: pushPull.meet,
    onOverflow: (peer) => pushPull.due(peer, 0),
    onFault,
    onHolder: (collection, { name, content, peer }) =>
      fetcher.addHolder(collection, name, content, peer),
  })

  const rates = createRates({ clock }, init.bandwidth ?? {})
  const exchange =
    blocks &&
    createBlockExchange({
      ...{ transport, clock, random, logger, blocks, collections, onFault },
      wants: pushPull.wants,
      rates,
    })

  const fetcher = createFetcher({
    transport,
    clock,
    random,
    logger,
    workers,
    health: components.health,
    collections,
    wants: pushPull.wants,
    onFault,
    counts: content,
    ...(exchange === undefined || blocks === undefined ? {} : { exchange, blocks }),
  })

  const server = createContentServer({
    clock,
    collections,
    takeUpload: rates.takeUpload,
  })

  const listen = (collection: Collection): (() => void) =>
    collection.subscribe({
      stored(item, from) {
        fetcher.refresh(collection, item.name)
        // So much at once is for the neighbours to reconcile, not to be told one by one.
        if (from !== undefined && pushPull.isBulk(from)) return
        announcer
          .publish(collection, item, from)
          .catch((error: unknown) => logger.debug({ error }, 'a record was not announced'))
      },
      completed({ name, content }, from) {
        fetcher.refresh(collection, name)
        if (content === undefined) return
        announcer.publishHolding(collection, { name, digest: content.digest }, from)
      },
      changed(name) {
        fetcher.refresh(collection, name)
        exchange?.refresh(collection.name, name)
      },
    })

  transport.handle(ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, announcer.serve)
  transport.handle(PUSH_PULL_PROTOCOL, PUSH_PULL_INIT, pushPull.serve)
  transport.handle(CONTENT_PROTOCOL, CONTENT_INIT, server.serve)
  if (exchange !== undefined) transport.handle(BLOCKS_PROTOCOL, BLOCKS_INIT, exchange.serve)

  return {
    async start() {
      if (running) return
      running = true
      for (const collection of collections.values()) unsubscribes.push(listen(collection))
      server.start()
      exchange?.start()
      fetcher.start()
      pushPull.start()
      announcer.start()
    },

    async stop() {
      if (!running) return
      running = false
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe()
      await Promise.all([announcer.stop(), pushPull.stop(), fetcher.stop(), server.stop()])
      await exchange?.stop()
    },

    about(name) {
      const files = collections.get('files')
      const missing = files === undefined ? undefined : fetcher.about(files, name)
      return {
        wants: new Map(
          transport.peers().map(({ id }) => [id, pushPull.wants(id, 'files', name)] as const),
        ),
        ...(missing === undefined ? {} : { missing }),
      }
    },
    known: (peer) => pushPull.known(peer, 'files'),
    mark: () => pushPull.mark('files'),
    status() {
      const last = pushPull.last()
      return {
        neighbours: announcer.neighbours(),
        ...(last === undefined ? {} : { lastPushPull: last }),
        rounds: pushPull.reports(),
        fetching: fetcher.fetching(),
        counts: {
          announcementsSent: announce.sent,
          announcementsReceived: announce.received,
          relayed: announce.relayed,
          refused: announce.refused,
          pushPulls: pushPull.counts(),
          contentFetches: content.fetches,
          contentFailures: content.failures,
          blockBytesReceived: exchange?.counts.received ?? 0,
          blockBytesSent: exchange?.counts.sent ?? 0,
        },
      }
    },

    read: exchange?.read,
    setBandwidth: rates.set,
    transfers: () => exchange?.transfers() ?? { receiving: [], sending: [] },

    pushPull: (peer) => pushPull.round(peer),

    catchUp() {
      for (const { id } of transport.peers()) pushPull.due(id)
    },
  }
}

/** Keeps this node's files in step with its peers'. */
export const createSync = (
  components: BlockComponents & { readonly files: Files },
  init: SyncInit,
): Sync => {
  const { files, blocks, random, logger, workers, health } = components
  const { network } = init
  const shelf = blocks && createShelf({ files, blocks, logger, workers, health })
  const collection = createFilesCollection(files, {
    ...{ network, random },
    ...(shelf === undefined ? {} : { shelf }),
  })
  const { read, ...engine } = createEngine(components, { ...init, collections: [collection] })
  return {
    ...engine,
    open: read === undefined ? () => undefined : createElsewhere(files, read),
    async start() {
      shelf?.start()
      await engine.start()
    },
    async stop() {
      await engine.stop()
      await shelf?.stop()
    },
  }
}
