import { isMeshError, MeshError } from '../../errors/index.ts'
import { createBufferPool } from '../../util/index.ts'
import { MAX_ASKED_HOLDERS, SMALL_CONTENT_BYTES, TRANSFER_TICK_MS } from '../limits.ts'
import { MAX_IDLE_BUFFER_BYTES, MAX_WRITING_BLOCKS } from '../limits.ts'
import { MAX_HOLDERS, MAX_REMEMBERED_HOLDERS } from '../limits.ts'
import { createAvoided } from './avoided.ts'
import { candidatesFor } from './candidates.ts'
import { BlockFetch } from './fetch.ts'
import { createLink } from './link.ts'
import { createReadThrough } from './read-through.ts'
import { createResolver } from './resolver.ts'
import { createBlockServer } from './server.ts'
import { createSlots } from './slots.ts'
import { keyOfContent } from './source.ts'
import { aborted } from '../async.ts'
import { createBoundedSet } from '../bounded-set.ts'
import { createHolders } from '../content/holders.ts'
import type { Assembly, Blocks } from '../../blocks/index.ts'
import type { BlockList } from '../../chunk/index.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Logger } from '../../observe/index.ts'
import type { FrameStream, Transport } from '../../transport/index.ts'
import type { Cancel, Clock, Random } from '../../util/index.ts'
import type { Collection, MissingContent } from '../collection.ts'
import type { Holders } from '../content/holders.ts'
import type { Transfers } from '../types.ts'
import type { FetchInit } from './fetch.ts'
import type { Link } from './link.ts'
import type { Rates } from './rates.ts'
import type { ReadThrough } from './read-through.ts'
import type { ContentName } from './source.ts'

/** Content that has a block list. */
export interface ListedContent extends MissingContent {
  readonly assembly: NonNullable<MissingContent['assembly']>
}

export const isListed = (missing: MissingContent): missing is ListedContent =>
  missing.assembly !== undefined

export interface FetchRequest {
  readonly collection: Collection
  readonly missing: ListedContent
  readonly holders: Holders
  readonly signal: AbortSignal
  readonly isCrowded: () => boolean
  /** Called with what tells the fetch that a new holder is known. */
  readonly onStart: (wake: () => void) => void
}

/** Content with all its blocks. */
export interface Fetched {
  /** Not durable yet. */
  readonly assembly: Assembly
  readonly list: BlockList
  /** Who gave anything, the most first. */
  readonly givers: readonly PeerId[]
}

/** Moves blocks in both directions. */
export interface BlockExchange {
  start(): void
  stop(): Promise<void>
  serve(stream: FrameStream): Promise<void>
  /**
   * Gets all blocks of one content, and hands them to `use` while they are served to others.
   *
   * @throws MeshError `ERR_FILE_CONTENT_MISSING`, `ERR_ABORTED`, `ERR_DISK_FULL`, or what `use` throws
   */
  fetch<T>(request: FetchRequest, use: (fetched: Fetched) => Promise<T>): Promise<T>
  /** Something about this name has changed. */
  refresh(collection: string, name: string): void
  /** Reads content that is not kept here: see {@link ReadThrough}. */
  readonly read: ReadThrough['stream']
  transfers(): Transfers
  readonly counts: { readonly received: number; readonly sent: number }
}

/** What is asked for in one way or another, and where it goes. */
type Begun = Omit<FetchInit, keyof Shared>
type Shared = Pick<
  FetchInit,
  | 'clock'
  | 'random'
  | 'blocks'
  | 'linkTo'
  | 'content'
  | 'interested'
  | 'candidates'
  | 'onWork'
  | 'onReceived'
>

export interface BlockExchangeInit {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly blocks: Blocks
  readonly collections: ReadonlyMap<string, Collection>
  readonly wants: (peer: PeerId, collection: string, name: string) => boolean | undefined
  readonly onFault: (peer: PeerId, error: unknown) => void
  /** What all that moves content shares. */
  readonly rates: Rates
}

export const createBlockExchange = (init: BlockExchangeInit): BlockExchange => {
  const { transport, clock, random, logger, blocks, collections, rates } = init
  const counts = { received: 0, sent: 0 }
  const writers = createSlots(MAX_WRITING_BLOCKS)
  const buffers = createBufferPool({ maxIdleBytes: MAX_IDLE_BUFFER_BYTES })
  const owedByAll = { bytes: 0 }
  const links = new Map<PeerId, Link>()
  /** By the content that they are about. */
  const fetches = new Map<string, BlockFetch>()
  /** Peers that sent wrong bytes, or stalled: not asked before then. */
  const avoided = createAvoided({ clock })
  let reads = 0
  let cancelPump: Cancel | undefined
  let cancelTick: Cancel | undefined

  // Asking.

  const onLinkEnd = (link: Link, error: MeshError): void => {
    if (links.get(link.peer) === link) links.delete(link.peer)
    if (isMeshError(error, 'ERR_ABORTED') || isMeshError(error, 'ERR_STREAM_CLOSED')) return
    logger.debug({ peer: link.peer, error }, 'a holder of blocks is left')
    avoided.add(link.peer)
    if (!isMeshError(error, 'ERR_TIMEOUT')) init.onFault(link.peer, error)
  }

  const linkTo = (peer: PeerId): Link | undefined => {
    const known = links.get(peer)
    if (known !== undefined) return known
    if (avoided.has(peer)) return undefined
    if (links.size >= MAX_ASKED_HOLDERS) {
      const unused = [...links.values()].find(({ users }) => users() === 0)
      if (unused === undefined) return undefined
      unused.end(new MeshError('ERR_STREAM_CLOSED', 'another holder needs the place'))
    }
    const link = createLink(
      { transport, clock, rates, buffers, writers, owedByAll, onRoom: pump, onEnd: onLinkEnd },
      peer,
    )
    links.set(peer, link)
    return link
  }

  /** Small content first, then whatever has had the least of its share. */
  const byTurn = (a: BlockFetch, b: BlockFetch): number => {
    const [aSmall, bSmall] = [a, b].map(({ leftBytes }) => leftBytes <= SMALL_CONTENT_BYTES)
    if (aSmall !== bSmall) return aSmall ? -1 : 1
    return a.creditBytes - b.creditBytes
  }

  const runPump = (): void => {
    cancelPump = undefined
    for (const link of [...links.values()]) {
      // One block after the other, so that the share stays fair.
      while (link.roomBytes() > 0) {
        const turn = [...fetches.values()].filter(({ isRunning }) => isRunning).sort(byTurn)
        if (!turn.some((fetch) => fetch.askOf(link))) break
      }
    }
  }

  /** Everything that happens in one moment is answered with one look. */
  const pump = (): void => {
    cancelPump ??= clock.schedule(0, runPump)
  }

  const tick = (): void => {
    cancelTick = undefined
    for (const link of [...links.values()]) link.check()
    for (const fetch of [...fetches.values()]) fetch.tick()
    pump()
    if (fetches.size > 0) cancelTick = clock.schedule(TRANSFER_TICK_MS, tick)
  }

  // Giving.

  const resolve = createResolver({
    ...{ collections, blocks },
    running: (key) => fetches.get(key),
    passed: (content, listOf) => through.source(content, listOf),
  })

  const server = createBlockServer({
    clock,
    logger,
    rates,
    buffers,
    resolve,
    onInterest: (content, peer) => fetches.get(keyOfContent(content))?.interest(peer),
    onSent: (bytes) => {
      counts.sent += bytes
    },
  })

  const letGo = (fetch: BlockFetch, how: 'close' | 'giveBack'): Promise<void> =>
    fetch[how]().catch((error: unknown) => {
      logger.warn({ name: fetch.content.name, error }, 'the disk does not let go of a fetch')
    })

  const candidates = candidatesFor({ transport, wants: init.wants, isAvoided: avoided.has })

  /** Begins a fetch, which takes its turn among all others until `end`. */
  const begin = (key: string, content: ContentName, how: Begun): BlockFetch => {
    const interested = createBoundedSet<PeerId>(MAX_REMEMBERED_HOLDERS)
    const { holders } = how
    const fetch = new BlockFetch({
      ...{ clock, random, blocks, linkTo, content, interested, ...how },
      candidates: candidates(content, holders, interested),
      onWork: pump,
      onReceived: (bytes) => {
        counts.received += bytes
      },
    })
    const credits = [...fetches.values()].map(({ creditBytes }) => creditBytes)
    if (credits.length > 0) fetch.creditBytes = Math.min(...credits)
    fetches.set(key, fetch)
    cancelTick ??= clock.schedule(TRANSFER_TICK_MS, tick)
    return fetch
  }

  const end = async (key: string, fetch: BlockFetch): Promise<void> => {
    await letGo(fetch, 'close')
    // The next attempt may have begun meanwhile.
    if (fetches.get(key) === fetch) fetches.delete(key)
  }

  const through = createReadThrough({
    ...{ blocks, logger },
    holdersOf: ({ collection, name }) =>
      createHolders({
        ...{ clock, random, claims: { left: MAX_HOLDERS } },
        connected: () => transport.peers().map(({ id }) => id),
        wants: (peer) => init.wants(peer, collection, name),
      }),
    open(content, how) {
      const key = `read ${++reads}`
      const none = { onGained: () => server.gained(content), isCrowded: () => false }
      const fetch = begin(key, content, { ...how, ...none, sizeBytes: content.sizeBytes })
      return {
        run: () => fetch.run(),
        want: (indexes) => fetch.want(indexes),
        end: () => end(key, fetch),
      }
    },
  })

  return {
    counts,
    start: () => server.start(),
    serve: (stream) => server.serve(stream),
    async stop() {
      cancelPump?.()
      cancelTick?.()
      for (const link of [...links.values()]) link.end(aborted('the exchange of blocks'))
      await server.stop()
    },

    async fetch(request, use) {
      const { collection, missing, holders, signal, isCrowded } = request
      const { name, content, assembly: how } = missing
      const named = { collection: collection.name, name, digest: content.digest, list: how.list }
      const key = keyOfContent(named)
      let assembly: Assembly | undefined
      const fetch = begin(key, named, {
        ...{ holders, signal, isCrowded, owner: how.owner, sizeBytes: content.sizeBytes },
        onGained: () => server.gained(named),
        async assemble(list) {
          assembly = await blocks.assemble(how.owner, list, { signal })
          return assembly
        },
      })
      request.onStart(() => fetch.lookForHolders())
      // Who asked us before we began is told that there will be something to be had.
      server.refresh(collection.name, name)
      try {
        const list = await fetch.run()
        if (assembly === undefined) throw new Error('nothing was put together')
        return await use({ assembly, list, givers: fetch.givers() })
      } catch (error) {
        // Nothing else could be written while a content that does not fit fills the disk.
        if (isMeshError(error, 'ERR_DISK_FULL')) await letGo(fetch, 'giveBack')
        throw error
      } finally {
        await end(key, fetch)
        server.refresh(collection.name, name)
      }
    },

    read: through.stream,
    refresh: (collection, name) => server.refresh(collection, name),
    transfers: () => ({
      receiving: [...fetches]
        .filter(([key, { content }]) => key === keyOfContent(content))
        .map(([, fetch]) => fetch.status())
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      sending: server.sending(),
    }),
  }
}
