import { forEachParallel } from '../../util/index.ts'
import { sleep, watch } from '../async.ts'
import { MAX_INDEX_PAGE_IDS, MAX_PARALLEL_ACCEPTS, MAX_ROUND_BYTES } from '../limits.ts'
import { MAX_ROUND_MS, MAX_ROUND_RECORDS } from '../limits.ts'
import { malformed } from '../wire.ts'
import { createChannel } from './channel.ts'
import { createNameReader, pagesOf } from './names.ts'
import { packItems } from './replica.ts'
import { stateOf } from './views.ts'
import type { PeerId } from '../../keys/index.ts'
import type { FrameStream } from '../../transport/index.ts'
import type { Clock, Digest, TokenBucket } from '../../util/index.ts'
import type { Intake } from '../intake.ts'
import type { WireItem } from '../wire.ts'
import type { Channel } from './channel.ts'
import type { PushPullMessage } from './messages.ts'
import type { NameList } from './names.ts'
import type { Replica } from './replica.ts'

export interface AnswererInit {
  readonly clock: Clock
  readonly replicas: ReadonlyMap<string, Replica>
  readonly intake: Intake
  /** How often this peer may begin a round, over all its streams. */
  readonly rate: TokenBucket
  /** A record of this peer was news. */
  readonly onTaken: (peer: PeerId) => void
  /** The peer has begun or ended a round. */
  readonly onRound: (peer: PeerId, state: 'begun' | 'ended') => void
}

type Request = Exclude<PushPullMessage, { type: 'round' | 'done' }>

/** What the answering side knows within one round. */
interface Round {
  readonly replica: Replica
  /** Our list as we told it, whatever a reload does meanwhile. */
  readonly own: NameList
}

/** Frames of our own beyond the beginner's limit that a round may come to. */
const ALLOWANCE = 2

/** Answers rounds on one kept stream until the peer ends it; rejects with what the peer did wrong. */
export const answerRounds = async (stream: FrameStream, init: AnswererInit): Promise<void> => {
  const { clock, replicas, intake } = init
  const { peer, signal } = stream
  const channel: Channel = createChannel(stream)

  const sendNames = async ({ names }: NameList): Promise<void> => {
    const pages = pagesOf(names)
    for (const [index, page] of pages.entries()) {
      await channel.send({ type: 'names', last: index === pages.length - 1, names: page })
    }
  }

  const learnNames = async ({ replica }: Round, digest: Digest): Promise<void> => {
    if (replica.learn(peer, digest) === undefined) {
      await channel.send({ type: 'get-names' })
      const reader = createNameReader(digest)
      for (let list: NameList | undefined; list === undefined; ) {
        const { names, last } = await channel.expect('names')
        list = reader.add(names, last)
        if (list !== undefined) replica.names.put(list)
      }
      replica.learn(peer, digest)
    }
    await channel.send({ type: 'done' })
  }

  const theirNames = ({ replica, own }: Round): NameList => replica.namesOf(peer) ?? own

  const sendIndex = async (round: Round): Promise<void> => {
    const ids = round.replica.views.of(theirNames(round)).ids()
    for (let start = 0; ; start += MAX_INDEX_PAGE_IDS) {
      const page = ids.slice(start, start + MAX_INDEX_PAGE_IDS)
      const last = start + page.length >= ids.length
      await channel.send({ type: 'index', last, ids: page })
      if (last) return
    }
  }

  const sendItems = async (round: Round, ids: readonly Digest[]): Promise<void> => {
    const wanted = new Set(theirNames(round).names)
    const { collection } = round.replica
    for await (const { items } of packItems(collection, ids, (name) => wanted.has(name), signal)) {
      await channel.send({ type: 'items', last: false, items })
    }
    await channel.send({ type: 'items', last: true, items: [] })
  }

  const takeItems = async ({ replica }: Round, items: readonly WireItem[]): Promise<void> => {
    const { collection } = replica
    const notKept = new Set<number>()
    await forEachParallel(items, MAX_PARALLEL_ACCEPTS, async (item, position) => {
      const { arrival, outcome } = await intake.take(collection, item, peer, { signal })
      if (outcome === 'stored') init.onTaken(peer)
      if (!collection.has(arrival.id)) notKept.add(position)
    })
    await channel.send({ type: 'taken', notKept: [...notKept].sort((a, b) => a - b) })
  }

  const answer = async (round: Round, request: Request): Promise<void> => {
    switch (request.type) {
      case 'get-names':
        return sendNames(round.own)
      case 'offer-names':
        return learnNames(round, request.names)
      case 'get-index':
        return sendIndex(round)
      case 'get-items':
        return sendItems(round, request.ids)
      case 'put-items':
        return takeItems(round, request.items)
      default:
        throw malformed(`${request.type} from the side that began the round`)
    }
  }

  /** Compares states; answers with the round if there is something to exchange. */
  const begin = async (name: string, state: Digest): Promise<Round | undefined> => {
    const replica = replicas.get(name)
    if (replica === undefined) {
      await channel.send({ type: 'done' })
      return undefined
    }
    const own = replica.views.own()
    const known = replica.namesOf(peer)
    const other = known ?? own
    const expected = stateOf({
      collection: name,
      beginnerNames: other.digest,
      answererNames: own.digest,
      root: replica.views.of(other).root,
    })
    if (state === expected) {
      replica.learn(peer, other.digest)
      await channel.send({ type: 'equal' })
      return undefined
    }
    const yourNames = known?.digest ?? 'none'
    await channel.send({ type: 'differs', names: own.digest, yourNames })
    return { replica, own }
  }

  const restOfRound = async (round: Round): Promise<void> => {
    let current: Round | undefined = round
    let indexes = 0
    let records = 0
    while (current !== undefined) {
      if (channel.bytes > ALLOWANCE * MAX_ROUND_BYTES) throw malformed('a round without end')
      const request = await channel.receive({ timeoutMs: MAX_ROUND_MS })
      if (request === undefined || request.type === 'done') return
      if (request.type === 'round') {
        current = await begin(request.collection, request.state)
        continue
      }
      if (request.type === 'get-index' && ++indexes > 1) throw malformed('a second index')
      if (request.type === 'get-items') records += request.ids.length
      if (request.type === 'put-items') records += request.items.length
      if (records > 2 * MAX_ROUND_RECORDS) throw malformed('more records than a round may have')
      await answer(current, request)
    }
  }

  for (;;) {
    const request = await channel.receive()
    if (request === undefined) return
    if (request.type !== 'round') throw malformed(`${request.type} outside a round`)
    const waitMs = init.rate.take(1)
    if (waitMs > 0) await sleep(clock, waitMs, signal)
    channel.reset()
    init.onRound(peer, 'begun')
    try {
      await watch(
        { clock, limitMs: MAX_ROUND_MS, giveUp: (why) => stream.abort(why) },
        `a round that ${peer} began`,
        async () => {
          const round = await begin(request.collection, request.state)
          if (round !== undefined) await restOfRound(round)
        },
      )
    } finally {
      init.onRound(peer, 'ended')
    }
  }
}
