import { MeshError } from '../../errors/index.ts'
import { createTokenBuckets } from '../../util/index.ts'
import { CATCH_UP_ANSWERER_DELAY_MS, CATCH_UP_DELAY_MS } from '../limits.ts'
import { INCOMPLETE_ROUND_DELAY_MS, MAX_LISTS_PER_MINUTE, MAX_RATED_PEERS } from '../limits.ts'
import { PUSH_PULL_JITTER, RANGES_BURST, RANGES_PER_SECOND } from '../limits.ts'
import { RECORD_BYTES_BURST, RECORD_BYTES_PER_SECOND, ROUND_BURST } from '../limits.ts'
import { ROUNDS_PER_SECOND, UNSTRETCHED_NODES } from '../limits.ts'
import { answerRounds } from './answerer.ts'
import { createArrivals } from './arrivals.ts'
import { createDues } from './dues.ts'
import { knowledgeOf } from './knowledge.ts'
import { createReplica } from './replica.ts'
import { createReports } from './reports.ts'
import { createRounds } from './rounds.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Logger, Worker, Workers } from '../../observe/index.ts'
import type { FrameStream, Peer, Transport } from '../../transport/index.ts'
import type { Clock, Random, TokenBucket } from '../../util/index.ts'
import type { Collection } from '../collection.ts'
import type { Intake } from '../intake.ts'
import type { Mark } from './agreements.ts'
import type { PeerKnowledge } from './knowledge.ts'
import type { Replica } from './replica.ts'
import type { RoundReport } from './reports.ts'
import type { RoundCounts } from './tally.ts'

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
  const arrivals = createArrivals()
  const reports = createReports()
  const serving = new Map<FrameStream, Promise<void>>()
  const unsubscribes: (() => void)[] = []
  let regular: Worker | undefined

  const bucketsOf = (perSecond: number, burst: number): ((peer: PeerId) => TokenBucket) =>
    createTokenBuckets<PeerId>({ clock }, { perSecond, burst, maxKeys: MAX_RATED_PEERS })
  const roundsOf = bucketsOf(ROUNDS_PER_SECOND, ROUND_BURST)
  const rangesOf = bucketsOf(RANGES_PER_SECOND, RANGES_BURST)
  const recordBytesOf = bucketsOf(RECORD_BYTES_PER_SECOND, RECORD_BYTES_BURST)
  const listsOf = bucketsOf(MAX_LISTS_PER_MINUTE / 60, MAX_LISTS_PER_MINUTE)
  for (const [name, collection] of collections) replicas.set(name, createReplica(collection))

  const endArriving = (peer: PeerId): void => {
    if (arrivals.end(peer)) init.onBulk(peer)
  }

  const rounds = createRounds({
    ...{ transport, clock, random, logger, intake, replicas: [...replicas.values()] },
    report: reports.add,
    onTaken: arrivals.add,
    onFault: init.onFault,
    onIncomplete: (peer) => dues.add(peer, { delayMs: INCOMPLETE_ROUND_DELAY_MS, ours: true }),
    onEnded: endArriving,
  })

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
      await rounds.settled(peer)
      await rounds.begin(peer)
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
      onTaken: arrivals.add,
      onRound(peer, ended) {
        dues.served(peer)
        if (ended === undefined) return
        endArriving(peer)
        const { error, ...result } = ended
        reports.add({
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
      rounds.start()
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
            if (peer !== undefined) await rounds.begin(peer)
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
      transport.events.off('connect', onConnect)
      transport.events.off('disconnect', onDisconnect)
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe()
      const reason = new MeshError('ERR_ABORTED', 'sync stops')
      const ended = rounds.stop(reason)
      for (const stream of serving.keys()) stream.abort(reason)
      await Promise.all([stopping?.stop(), dues.stop()])
      await Promise.allSettled([ended, ...serving.values()])
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
      if (partner !== undefined) await rounds.begin(partner)
    },
    meet,
    due: (peer, delayMs = CATCH_UP_DELAY_MS) => dues.add(peer, { delayMs, ours: true }),
    last: reports.last,
    reports: reports.all,
    counts: reports.counts,
    wants: (peer, collection, name) => replicas.get(collection)?.namesOf(peer)?.selection.has(name),
    known: (peer, collection) => knowledgeOf(replicas.get(collection), peer),
    mark: (collection) => replicas.get(collection)?.agreements.now() ?? 0,
    isBulk: arrivals.isBulk,
  }
}
