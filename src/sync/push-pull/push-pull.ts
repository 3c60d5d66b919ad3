import { isMeshError, MeshError, toMeshError } from '../../errors/index.ts'
import { createTokenBuckets } from '../../util/index.ts'
import { watch } from '../async.ts'
import {
  CATCH_UP_ANSWERER_DELAY_MS,
  CATCH_UP_DELAY_MS,
  INCOMPLETE_ROUND_DELAY_MS,
} from '../limits.ts'
import { MAX_ANNOUNCED_ROUND_RECORDS, MAX_FRAME_BYTES, MAX_RATED_PEERS } from '../limits.ts'
import { MAX_LISTS_PER_MINUTE, MAX_REPORTED_PEERS, MAX_ROUND_MS } from '../limits.ts'
import { PUSH_PULL_JITTER, RANGES_BURST, RANGES_PER_SECOND } from '../limits.ts'
import { RECORD_BYTES_BURST, RECORD_BYTES_PER_SECOND, ROUND_BURST } from '../limits.ts'
import { ROUNDS_PER_SECOND, UNSTRETCHED_NODES } from '../limits.ts'
import { answerRounds } from './answerer.ts'
import { beginRound } from './beginner.ts'
import { createChannel } from './channel.ts'
import { createDues } from './dues.ts'
import { createReplica } from './replica.ts'
import { addRound, NO_ROUNDS } from './tally.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Logger, Worker, Workers } from '../../observe/index.ts'
import type { FrameStream, Peer, ProtocolInit, Transport } from '../../transport/index.ts'
import type { Clock, Digest, Random, TokenBucket } from '../../util/index.ts'
import type { Collection } from '../collection.ts'
import type { Intake } from '../intake.ts'
import type { Agreement, Disputed, Mark } from './agreements.ts'
import type { Channel } from './channel.ts'
import type { Replica } from './replica.ts'
import type { RoundCounts } from './tally.ts'

export const PUSH_PULL_PROTOCOL = '/mesh/push-pull/1'
/** Two: one that is kept, and its successor while the end of the first has not been noticed. */
export const PUSH_PULL_INIT: ProtocolInit = {
  maxFrameBytes: MAX_FRAME_BYTES,
  maxStreamsPerPeer: 2,
}

/** Of one round, over all collections. */
export interface RoundReport {
  readonly peer: PeerId
  /** Wall clock at the end, ms since the epoch. */
  readonly atMs: number
  /** Who began it. */
  readonly begunBy: 'us' | 'peer'
  readonly equal: boolean
  /** Records that either side lacked, as far as they were found; of a peer's round what moved. */
  readonly differences: number
  readonly received: number
  readonly sent: number
  /** Bytes of frames, both ways. */
  readonly bytes: number
  /** Those of them that we sent. */
  readonly sentBytes: number
  /** Why it ended early, if it did. */
  readonly error?: string
}

/** What is known of one peer's having what we have. */
export interface PeerKnowledge {
  /** When it was last found to keep what we keep. */
  readonly agreement: Agreement | undefined
  /** Whether it is known to have what is here of this name; `id` is the record that counts. */
  has(name: string, id: Digest | undefined): Has
}

/**
 * `same`: the statements that are here now. `before`: it had those of the last agreement, and the name
 * has changed here since. `refuses`: it was offered what counts here and did not take it. `other`: it
 * keeps something that this node did not take. `unwanted`: it is not configured for the name.
 * `unknown`: nothing was compared yet.
 */
export type Has = 'same' | 'before' | 'refuses' | 'other' | 'unwanted' | 'unknown'

/** Reconciles with one peer at a time, now and then and whenever there is reason to. */
export interface PushPull {
  start(): void
  stop(): Promise<void>
  serve(stream: FrameStream): Promise<void>
  /** One round with this peer, or a random one; does nothing if there is nobody. */
  round(peer?: PeerId): Promise<void>
  /** The two have (again) come together: one of them begins a round soon. */
  meet(peer: PeerId): void
  /** Has a round with this peer soon. */
  due(peer: PeerId, delayMs?: number): void
  /** Of the rounds that we began. */
  last(): RoundReport | undefined
  /** The last round with each peer, whoever began it; the newest last. */
  reports(): readonly RoundReport[]
  /** Of all rounds since the start, whoever began them. */
  counts(): RoundCounts
  /** Whether this peer is known to want the name; `undefined`: nothing is known of it. */
  wants(peer: PeerId, collection: string, name: string): boolean | undefined
  /** What is known of a peer's having what we have of a collection. */
  known(peer: PeerId, collection: string): PeerKnowledge
  /** How many changes of a collection there were. */
  mark(collection: string): Mark
  /** Whether so much is coming from this peer that it is not announced record by record. */
  isBulk(peer: PeerId): boolean
}

export interface PushPullInit {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly workers: Workers
  readonly collections: ReadonlyMap<string, Collection>
  readonly intake: Intake
  readonly intervalMs: number
  readonly onFault: (peer: PeerId, error: unknown) => void
  /** How many nodes there are, as far as is known. @default those connected, and we */
  readonly meshSize?: () => number
  /** A round has brought more than is announced; neighbours are to reconcile. */
  readonly onBulk: (from: PeerId) => void
}

export const createPushPull = (init: PushPullInit): PushPull => {
  const { transport, clock, random, logger, workers, collections, intake } = init
  const replicas = new Map<string, Replica>()
  const kept = new Map<PeerId, Channel>()
  const rounds = new Map<PeerId, Promise<void>>()
  /** Records that were news, in rounds under way. */
  const arriving = new Map<PeerId, number>()
  const serving = new Map<FrameStream, Promise<void>>()
  const unsubscribes: (() => void)[] = []
  let regular: Worker | undefined
  let controller = new AbortController()
  let last: RoundReport | undefined
  /** The last of each peer, the newest last. */
  const reports = new Map<PeerId, RoundReport>()
  let counts = NO_ROUNDS

  const bucketsOf = (perSecond: number, burst: number): ((peer: PeerId) => TokenBucket) =>
    createTokenBuckets<PeerId>({ clock }, { perSecond, burst, maxKeys: MAX_RATED_PEERS })
  const roundsOf = bucketsOf(ROUNDS_PER_SECOND, ROUND_BURST)
  const rangesOf = bucketsOf(RANGES_PER_SECOND, RANGES_BURST)
  const recordBytesOf = bucketsOf(RECORD_BYTES_PER_SECOND, RECORD_BYTES_BURST)
  const listsOf = bucketsOf(MAX_LISTS_PER_MINUTE / 60, MAX_LISTS_PER_MINUTE)
  for (const [name, collection] of collections) replicas.set(name, createReplica(collection))

  const onTaken = (peer: PeerId): void => {
    arriving.set(peer, (arriving.get(peer) ?? 0) + 1)
  }

  /** Whether rounds under way, this peer's among them, bring more than is announced. */
  const isBulk = (peer: PeerId): boolean => {
    if (!arriving.has(peer)) return false
    let count = 0
    for (const each of arriving.values()) count += each
    return count > MAX_ANNOUNCED_ROUND_RECORDS
  }

  const endArriving = (peer: PeerId): void => {
    const bulk = isBulk(peer)
    arriving.delete(peer)
    if (bulk) init.onBulk(peer)
  }

  const openChannel = async (peer: PeerId, signal: AbortSignal): Promise<Channel> => {
    const channel = createChannel(
      await transport.open(peer, PUSH_PULL_PROTOCOL, PUSH_PULL_INIT, { signal }),
    )
    if (signal.aborted) {
      channel.stream.abort(new MeshError('ERR_ABORTED', 'sync stops'))
      throw new MeshError('ERR_ABORTED', 'sync stops')
    }
    kept.set(peer, channel)
    const forget = (): void => {
      if (kept.get(peer) === channel) kept.delete(peer)
    }
    channel.stream.signal.addEventListener('abort', forget, { once: true })
    return channel
  }

  const report = (each: RoundReport): void => {
    counts = addRound(counts, each)
    reports.delete(each.peer)
    reports.set(each.peer, each)
    const oldest = reports.keys().next()
    if (reports.size > MAX_REPORTED_PEERS && !oldest.done) reports.delete(oldest.value)
  }

  /** `channel`: as far as the round came; none if it did not begin. */
  const reportFailure = (peer: PeerId, channel: Channel | undefined, error: unknown): void => {
    const { bytes = 0, sentBytes = 0 } = channel ?? {}
    report({
      ...{ peer, atMs: clock.nowMs(), begunBy: 'us', equal: false, bytes, sentBytes },
      ...{ differences: 0, received: 0, sent: 0, error: toMeshError(error).message },
    })
  }

  const exchange = async (channel: Channel): Promise<boolean> => {
    const { peer } = channel.stream
    let total = { equal: true, differences: 0, received: 0, sent: 0, incomplete: false }
    channel.reset()
    for (const replica of replicas.values()) {
      const result = await beginRound(channel, {
        ...{ replica, intake, clock, random },
        onTaken: () => onTaken(peer),
      })
      total = {
        equal: total.equal && result.equal,
        differences: total.differences + result.differences,
        received: total.received + result.received,
        sent: total.sent + result.sent,
        incomplete: total.incomplete || result.incomplete,
      }
    }
    const { incomplete, ...result } = total
    const { bytes, sentBytes } = channel
    last = { peer, atMs: clock.nowMs(), begunBy: 'us', ...result, bytes, sentBytes }
    report(last)
    if (!result.equal) logger.debug({ peer, ...result, bytes }, 'reconciled')
    return incomplete
  }

  const attempt = async (channel: Channel): Promise<boolean> => {
    const { stream } = channel
    try {
      return await watch(
        { clock, limitMs: MAX_ROUND_MS, giveUp: (why) => stream.abort(why) },
        `a round with ${stream.peer}`,
        () => exchange(channel),
      )
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error))
      stream.abort(reason)
      throw error
    }
  }

  const runRound = async (peer: PeerId): Promise<void> => {
    const { signal } = controller
    const reused = kept.get(peer)
    let channel = reused
    const onFresh = async (): Promise<boolean> => {
      channel = undefined
      channel = await openChannel(peer, signal)
      return attempt(channel)
    }
    try {
      const incomplete = await (reused === undefined
        ? onFresh()
        : attempt(reused).catch((error: unknown) => {
            // The peer may have ended a stream that was idle; a fresh one settles it.
            if (signal.aborted || !isMeshError(error, 'ERR_STREAM_CLOSED')) throw error
            return onFresh()
          }))
      if (incomplete) dues.add(peer, { delayMs: INCOMPLETE_ROUND_DELAY_MS, ours: true })
    } catch (error) {
      if (!signal.aborted) {
        reportFailure(peer, channel, error)
        init.onFault(peer, error)
      }
      throw error
    } finally {
      endArriving(peer)
    }
  }

  /** One round a peer at a time; who asks for another one meanwhile gets the one under way. */
  const roundWith = (peer: PeerId): Promise<void> => {
    const current = rounds.get(peer)
    if (current !== undefined) return current
    const promise = runRound(peer).finally(() => rounds.delete(peer))
    rounds.set(peer, promise)
    return promise
  }

  const wants: PushPull['wants'] = (peer, collection, name) =>
    replicas.get(collection)?.namesOf(peer)?.selection.has(name)

  const known: PushPull['known'] = (peer, collection) => {
    const replica = replicas.get(collection)
    const agreement = replica?.agreements.of(peer)
    const disputed = replica?.disputed(peer)
    return {
      agreement,
      has(name, id) {
        const disputedIn = ({ ours, theirs }: Disputed): Has | undefined => {
          if (id !== undefined && ours.has(id)) return 'refuses'
          return theirs.has(name) ? 'other' : undefined
        }
        if (wants(peer, collection, name) === false) return 'unwanted'
        const now = disputed === undefined ? undefined : disputedIn(disputed)
        if (now !== undefined) return now
        if (replica === undefined || agreement === undefined) return 'unknown'
        if (replica.agreements.changedAt(name) > agreement.mark) return 'before'
        return disputedIn(agreement.except) ?? 'same'
      },
    }
  }

  /** Whether there is anything that we and this peer both want, as far as is known. */
  const shares = (peer: PeerId): boolean => [...replicas.values()].some((each) => each.shares(peer))

  const pickPeer = (): PeerId | undefined => {
    const peers = transport
      .peers()
      .map(({ id }) => id)
      .filter(shares)
      .sort()
    return peers.length === 0 ? undefined : peers[random.below(peers.length)]
  }

  const dues = createDues({
    clock,
    random,
    workers,
    isConnected: (peer) => transport.peers().some(({ id }) => id === peer),
    async round(peer) {
      // One that is under way may have compared before there was reason for this one.
      await rounds.get(peer)?.catch(() => undefined)
      await roundWith(peer)
    },
    maxDelayMs: init.intervalMs,
  })

  /** Of two that have reason to reconcile, the lesser peer id begins; the other one sees to it. */
  const meet = (peer: PeerId): void => {
    if (transport.peerId < peer) dues.add(peer, { delayMs: CATCH_UP_DELAY_MS, ours: true })
    else dues.add(peer, { delayMs: CATCH_UP_ANSWERER_DELAY_MS, ours: false })
  }

  const onConnect = ({ id }: Peer): void => meet(id)

  const onDisconnect = ({ id }: Peer): void => {
    dues.remove(id)
    for (const replica of replicas.values()) replica.forget(id)
  }

  const answer = (stream: FrameStream): Promise<void> =>
    answerRounds(stream, {
      clock,
      replicas,
      intake,
      rates: {
        rounds: roundsOf(stream.peer),
        ranges: rangesOf(stream.peer),
        recordBytes: recordBytesOf(stream.peer),
        lists: listsOf(stream.peer),
      },
      onTaken,
      onRound(peer, ended) {
        dues.served(peer)
        if (ended === undefined) return
        endArriving(peer)
        const { error, ...result } = ended
        report({
          ...{ peer, atMs: clock.nowMs(), begunBy: 'peer', ...result },
          differences: result.received + result.sent,
          ...(error === undefined ? {} : { error: String(error) }),
        })
      },
    })

  /**
   * Until the next regular round. In a mesh of twice the size news has one step more to go, and
   * announcements carry it; so large ones reconcile less often instead of speaking more.
   */
  const delayMs = (): number => {
    const nodes = init.meshSize?.() ?? transport.peers().length + 1
    const stretch = 1 + Math.max(0, Math.ceil(Math.log2(nodes / UNSTRETCHED_NODES)))
    return init.intervalMs * stretch * (1 + PUSH_PULL_JITTER * (2 * random.fraction() - 1))
  }

  return {
    start() {
      if (regular !== undefined) return
      controller = new AbortController()
      transport.events.on('connect', onConnect)
      transport.events.on('disconnect', onDisconnect)
      for (const replica of replicas.values()) {
        const { collection, changed } = replica
        unsubscribes.push(
          collection.subscribe({
            stored: (item) => changed(item.name),
            completed: () => {},
            changed,
          }),
        )
      }
      dues.start()
      regular = workers.add({
        name: 'push-pull',
        async run() {
          const peer = pickPeer()
          try {
            if (peer !== undefined) await roundWith(peer)
          } finally {
            regular?.wake(delayMs())
          }
        },
      })
      regular.wake(delayMs())
      for (const { id } of transport.peers()) meet(id)
    },

    async stop() {
      const stopping = regular
      regular = undefined
      controller.abort()
      transport.events.off('connect', onConnect)
      transport.events.off('disconnect', onDisconnect)
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe()
      const reason = new MeshError('ERR_ABORTED', 'sync stops')
      for (const { stream } of kept.values()) stream.abort(reason)
      for (const stream of serving.keys()) stream.abort(reason)
      await Promise.all([stopping?.stop(), dues.stop()])
      await Promise.allSettled([...rounds.values(), ...serving.values()])
    },

    async serve(stream) {
      if (regular === undefined) throw new MeshError('ERR_ABORTED', 'sync is not running')
      const promise = answer(stream)
      serving.set(stream, promise)
      try {
        await promise
      } finally {
        serving.delete(stream)
      }
    },

    async round(peer) {
      const partner = peer ?? pickPeer()
      if (partner !== undefined) await roundWith(partner)
    },
    meet,
    due: (peer, delayMs = CATCH_UP_DELAY_MS) => dues.add(peer, { delayMs, ours: true }),
    last: () => last,
    reports: () => [...reports.values()],
    counts: () => counts,
    wants,
    known,
    mark: (collection) => replicas.get(collection)?.agreements.now() ?? 0,
    isBulk,
  }
}
