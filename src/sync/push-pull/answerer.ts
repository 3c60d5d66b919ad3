import { forEachParallel } from '../../util/index.ts'
import { sleep, watch } from '../async.ts'
import { HASHES_A_RANGE, MAX_LIST_IDS, MAX_PARALLEL_ACCEPTS } from '../limits.ts'
import { MAX_ANSWERED_ROUND_BYTES, MAX_ANSWERED_ROUND_RECORDS } from '../limits.ts'
import { MAX_ROUND_MS, MAX_ROUND_RANGES } from '../limits.ts'
import { skipUnsupported } from '../intake.ts'
import { malformed } from '../wire.ts'
import { createChannel } from './channel.ts'
import { createNameReader, pagesOf, takePage } from './names.ts'
import { createShortener, describePart } from './ranges.ts'
import { packItems } from './replica.ts'
import { createMarker, createOutdone } from './rivals.ts'
import { stateOf } from './views.ts'
import type { PeerId } from '../../keys/index.ts'
import type { FrameStream } from '../../transport/index.ts'
import type { Clock, Digest, TokenBucket } from '../../util/index.ts'
import type { Intake } from '../intake.ts'
import type { WireItem } from '../wire.ts'
import type { IdTree } from '../../tree/index.ts'
import type { Channel } from './channel.ts'
import type { PushPullMessage } from './messages.ts'
import type { NameList, OwnNames } from './names.ts'
import type { Replica } from './replica.ts'

export interface AnswererInit {
  readonly clock: Clock
  readonly replicas: ReadonlyMap<string, Replica>
  readonly intake: Intake
  /** What this peer may ask of us, over all its streams. */
  readonly rates: AnswererRates
  /** A record of this peer was news. */
  readonly onTaken: (peer: PeerId) => void
  /** The peer has begun a round, or ended one, which came to this. */
  readonly onRound: (peer: PeerId, ended?: AnsweredRound) => void
}

export interface AnswererRates {
  readonly rounds: TokenBucket
  readonly ranges: TokenBucket
  readonly recordBytes: TokenBucket
  readonly lists: TokenBucket
}

/** What a round came to on this side. */
export interface AnsweredRound {
  readonly equal: boolean
  /** Records that we lacked and got. */
  readonly received: number
  /** Records that we gave. */
  readonly sent: number
  /** Bytes of frames, both ways. */
  readonly bytes: number
  /** Those of them that we sent. */
  readonly sentBytes: number
  readonly error?: unknown
}

type Request = Exclude<PushPullMessage, { type: 'round' | 'done' }>

/** What the answering side knows within one round. */
interface Round {
  readonly replica: Replica
  /** Our list as we told it, whatever a reload does meanwhile. */
  readonly own: OwnNames
  /** What we keep of what both want. */
  readonly tree: IdTree
}

/** How often it is looked whether another list of names may come. */
const LIST_RETRY_MS = 1_000

/** Answers rounds on one kept stream until the peer ends it; rejects with what the peer did wrong. */
export const answerRounds = async (stream: FrameStream, init: AnswererInit): Promise<void> => {
  const { clock, replicas, intake } = init
  const { peer, signal } = stream
  const channel: Channel = createChannel(stream)

  let received = 0
  let sent = 0
  let equal = true
  /**
   * What the beginner told in this round. It counts here, whatever a frame that was on its way for long
   * has us learn of the same peer in a round of our own.
   */
  let told: { readonly replica: Replica; readonly names: Digest } | undefined

  /** Has a peer wait that was given more than its share. */
  const payAfter = async (bucket: TokenBucket, count: number): Promise<void> => {
    const waitMs = bucket.take(count)
    if (waitMs > 0) await sleep(clock, waitMs, signal)
  }

  /**
   * Has a peer wait that asks for more than its share. If it goes before its turn, it owes nothing: one
   * that starts again and again would be in debt for long when it is well again.
   */
  const pay = async (bucket: TokenBucket, count: number): Promise<void> => {
    try {
      await payAfter(bucket, count)
    } catch (error) {
      bucket.give(count)
      throw error
    }
  }

  const sendNames = async ({ selectors }: OwnNames): Promise<void> => {
    const pages = pagesOf(selectors)
    await pay(init.rates.recordBytes, selectors.length * 4)
    for (const [index, page] of pages.entries()) {
      await channel.send({ type: 'names', last: index === pages.length - 1, names: page })
    }
  }

  const learnNames = async ({ replica }: Round, digest: Digest): Promise<void> => {
    if (replica.learn(peer, digest) === undefined) {
      // Each list costs a look at all that we keep. A node whose configuration is read again and
      // again may have as many, which is no fault of it: it waits, for less than its own timeout.
      while (!init.rates.lists.tryTake(1)) await sleep(clock, LIST_RETRY_MS, signal)
      await channel.send({ type: 'get-names' })
      const reader = createNameReader(replica.collection, digest)
      for (let list: NameList | undefined; list === undefined; ) {
        const page = await channel.expect('names')
        list = await takePage(reader, page, () => sleep(clock, 0, signal))
        if (list !== undefined) replica.names.put(list)
      }
      replica.learn(peer, digest)
    }
    told = { replica, names: digest }
    await channel.send({ type: 'done' })
  }

  const theirNames = ({ replica, own }: Round): NameList => replica.namesOf(peer) ?? own

  const sendRanges = async (
    { tree }: Round,
    { salt, prefixes, maxListIds }: Extract<Request, { type: 'get-ranges' }>,
  ): Promise<void> => {
    await pay(init.rates.ranges, prefixes.length * Math.max(1, maxListIds / HASHES_A_RANGE))
    const shorten = createShortener(salt)
    const parts = prefixes.map((prefix) => describePart(tree, prefix, { shorten, maxListIds }))
    await channel.send({ type: 'ranges', parts })
  }

  /**
   * The ids that a peer means by short ones, without those that are not here any more, and without
   * those of which it has something newer.
   */
  const idsOf = (
    { tree, replica }: Round,
    { salt, groups }: Extract<Request, { type: 'get-items' }>,
  ): Digest[] => {
    const shorten = createShortener(salt)
    const markOf = createMarker(salt)
    const rankOf = (id: Digest): number | undefined => replica.collection.get(id)?.rank
    return groups.flatMap(({ prefix, shorts, rivals }) => {
      // Longer ranges are not listed, so nobody knows short ids of them.
      if (tree.summary(prefix).count > 2 * MAX_LIST_IDS) return []
      const wanted = new Set(shorts)
      const isOutdone = createOutdone(rivals, markOf, rankOf)
      return tree.ids(prefix).filter((id) => wanted.has(shorten(id)) && !isOutdone(id))
    })
  }

  const sendItems = async (
    round: Round,
    request: Extract<Request, { type: 'get-items' }>,
  ): Promise<void> => {
    const { selection } = theirNames(round)
    const { collection } = round.replica
    await pay(init.rates.ranges, request.groups.length * HASHES_A_RANGE)
    const ids = idsOf(round, request)
    const wanted = (name: string): boolean => selection.has(name)
    for await (const { items } of packItems(collection, ids, wanted, signal)) {
      const before = channel.bytes
      await channel.send({ type: 'items', last: false, items })
      sent += items.length
      await payAfter(init.rates.recordBytes, channel.bytes - before)
    }
    await channel.send({ type: 'items', last: true, items: [] })
  }

  const takeItems = async ({ replica }: Round, items: readonly WireItem[]): Promise<void> => {
    const { collection } = replica
    const notKept = new Set<number>()
    await forEachParallel(items, MAX_PARALLEL_ACCEPTS, async (item, position) => {
      const taken = await intake.take(collection, item, peer, { signal }).catch(skipUnsupported)
      if (taken?.outcome === 'stored') {
        received++
        init.onTaken(peer)
      }
      if (taken === undefined || !collection.has(taken.arrival.id)) notKept.add(position)
    })
    await channel.send({ type: 'taken', notKept: [...notKept].sort((a, b) => a - b) })
  }

  const answer = async (round: Round, request: Request): Promise<void> => {
    switch (request.type) {
      case 'get-names':
        return sendNames(round.own)
      case 'offer-names':
        return learnNames(round, request.names)
      case 'get-ranges':
        return sendRanges(round, request)
      case 'get-items':
        return sendItems(round, request)
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
    const known =
      told?.replica === replica ? replica.learn(peer, told.names) : replica.namesOf(peer)
    const other = known ?? own
    const tree = await replica.views.of(other, clock, signal)
    const { hash: root } = tree.summary('')
    const expected = stateOf({
      collection: name,
      beginnerNames: other.digest,
      answererNames: own.digest,
      root,
    })
    if (state === expected) {
      replica.learn(peer, other.digest)
      await channel.send({ type: 'equal' })
      return undefined
    }
    const yourNames = known?.digest ?? 'none'
    equal = false
    await channel.send({ type: 'differs', names: own.digest, yourNames, root })
    return { replica, own, tree }
  }

  const restOfRound = async (round: Round): Promise<void> => {
    let current: Round | undefined = round
    let ranges = 0
    let records = 0
    while (current !== undefined) {
      if (channel.bytes > MAX_ANSWERED_ROUND_BYTES) throw malformed('a round without end')
      const request = await channel.receive({ timeoutMs: MAX_ROUND_MS })
      if (request === undefined || request.type === 'done') return
      if (request.type === 'round') {
        current = await begin(request.collection, request.state)
        continue
      }
      if (request.type === 'get-ranges') ranges += request.prefixes.length
      if (ranges > 2 * MAX_ROUND_RANGES) throw malformed('more ranges than a round may have')
      if (request.type === 'get-items') {
        for (const { shorts } of request.groups) records += shorts.length
      }
      if (request.type === 'put-items') records += request.items.length
      if (records > MAX_ANSWERED_ROUND_RECORDS)
        throw malformed('more records than a round may have')
      await answer(current, request)
    }
  }

  for (;;) {
    channel.reset()
    const request = await channel.receive()
    if (request === undefined) return
    if (request.type !== 'round') throw malformed(`${request.type} outside a round`)
    await pay(init.rates.rounds, 1)
    received = 0
    sent = 0
    equal = true
    told = undefined
    init.onRound(peer)
    let failure: { error: unknown } | undefined
    try {
      await watch(
        { clock, limitMs: MAX_ROUND_MS, giveUp: (why) => stream.abort(why) },
        `a round that ${peer} began`,
        async () => {
          const round = await begin(request.collection, request.state)
          if (round !== undefined) await restOfRound(round)
        },
      )
    } catch (error) {
      failure = { error }
      throw error
    } finally {
      const { bytes, sentBytes } = channel
      init.onRound(peer, { equal, received, sent, bytes, sentBytes, ...failure })
    }
  }
}
