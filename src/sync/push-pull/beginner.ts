import { MeshError } from '../../errors/index.ts'
import { forEachParallel } from '../../util/index.ts'
import {
  MAX_AGREED_DIFFERENCES,
  MAX_PARALLEL_ACCEPTS,
  MAX_REQUEST_RECORDS,
  MAX_ROUND_BYTES,
} from '../limits.ts'
import { MAX_REQUEST_GROUPS, MAX_ROUND_RANGES, MAX_ROUND_RECORDS } from '../limits.ts'
import { skipUnsupported } from '../intake.ts'
import { malformed } from '../wire.ts'
import { findDifference } from './difference.ts'
import { createNameReader, pagesOf } from './names.ts'
import { createShortener, SALT_BYTES } from './ranges.ts'
import { packItems } from './replica.ts'
import { stateOf } from './views.ts'
import type { IdTree } from '../../tree/index.ts'
import type { Clock, Digest, Random } from '../../util/index.ts'
import type { Intake } from '../intake.ts'
import type { Mark } from './agreements.ts'
import type { Channel } from './channel.ts'
import type { Difference, LackingGroup } from './difference.ts'
import type { NameList, OwnNames } from './names.ts'
import type { Part, Short } from './ranges.ts'
import type { Replica } from './replica.ts'

/** What one round came to. */
export interface RoundResult {
  readonly equal: boolean
  /** Records on either side that the other one lacked, as far as they were found. */
  readonly differences: number
  /** Records that we lacked and got. */
  readonly received: number
  /** Records that the peer lacked and took. */
  readonly sent: number
  /** A limit was reached before everything had been exchanged, and something was. */
  readonly incomplete: boolean
}

export interface BeginnerInit {
  readonly replica: Replica
  readonly intake: Intake
  readonly clock: Clock
  readonly random: Random
  /** A record of the peer was news. */
  readonly onTaken: () => void
}

/** Times that names may be told before ranges are compared. */
const MAX_COMPARISONS = 2

/** Names as the answerer gave them, and its root. */
interface Differing {
  readonly theirs: Digest
  readonly ours: Digest | 'none'
  readonly root: Digest
}

/** The groups that one request has room for. */
function* requestsOf(lacking: readonly LackingGroup[]): Generator<LackingGroup[]> {
  let groups: LackingGroup[] = []
  let count = 0
  for (const group of lacking) {
    const full = groups.length === MAX_REQUEST_GROUPS
    if (full || count + group.shorts.length > MAX_REQUEST_RECORDS) {
      yield groups
      groups = []
      count = 0
    }
    groups.push(group)
    count += group.shorts.length
  }
  if (groups.length > 0) yield groups
}

/** The side that begins a round with one peer, for one collection. */
export const beginRound = async (
  channel: Channel,
  { replica, intake, clock, random, onTaken }: BeginnerInit,
): Promise<RoundResult> => {
  const { collection, views } = replica
  const { peer, signal } = channel.stream
  const settled = replica.settledOf(peer)
  const salt = random.bytes(SALT_BYTES)
  const shorten = createShortener(salt)
  /** The peer sent what we could not read: it has something that we know nothing of. */
  let isPartlyUnread = false

  /** Both have the same, but for what is settled: as far as is known, nothing else may differ. */
  const agree = (mark: Mark): void => {
    if (isPartlyUnread || settled.theirs.size + settled.ours.size > MAX_AGREED_DIFFERENCES) return
    replica.agreements.agree(peer, { mark, atMs: clock.nowMs(), except: replica.disputed(peer) })
  }

  /** Whether what the peer keeps is what we think it keeps. */
  const compare = async (
    own: OwnNames,
    other: NameList,
    root: Digest,
  ): Promise<'equal' | 'unknown' | Differing> => {
    const state = stateOf({
      collection: collection.name,
      beginnerNames: own.digest,
      answererNames: other.digest,
      root: settled.predict(root),
    })
    await channel.send({ type: 'round', collection: collection.name, state })
    const reply = await channel.expect('equal', 'differs', 'done')
    if (reply.type === 'equal') return 'equal'
    if (reply.type === 'done') return 'unknown'
    return { theirs: reply.names, ours: reply.yourNames, root: reply.root }
  }

  const fetchNames = async (digest: Digest): Promise<NameList> => {
    await channel.send({ type: 'get-names' })
    const reader = createNameReader(collection, digest)
    for (;;) {
      const { names, last } = await channel.expect('names')
      const list = reader.add(names, last)
      if (list !== undefined) return list
    }
  }

  const tellNames = async (own: OwnNames): Promise<void> => {
    await channel.send({ type: 'offer-names', names: own.digest })
    const reply = await channel.expect('get-names', 'done')
    if (reply.type === 'done') return
    const pages = pagesOf(own.selectors)
    for (const [index, names] of pages.entries()) {
      await channel.send({ type: 'names', last: index === pages.length - 1, names })
    }
    await channel.expect('done')
  }

  /** Has both sides know each other's names, and answers with the peer's. */
  const shareNames = async (own: OwnNames, { theirs, ours }: Differing): Promise<NameList> => {
    if (replica.learn(peer, theirs) === undefined) {
      replica.names.put(await fetchNames(theirs))
    }
    const list = replica.learn(peer, theirs)
    if (list === undefined) throw new MeshError('ERR_INTERNAL', 'a list of names was not kept')
    if (ours !== own.digest) {
      await tellNames(own)
      told = own.digest
    }
    return list
  }

  /** Our list, as the peer has learnt it within this round. */
  let told: Digest | undefined

  /** What was just learnt may have been forgotten, but it does not turn into something else. */
  const checkNames = ({ ours }: Differing): void => {
    if (told === undefined || ours === told || ours === 'none') return
    throw malformed('names as ours that are not those it was told')
  }

  const roomLeft = (): boolean => channel.bytes < MAX_ROUND_BYTES

  const ask = async (prefixes: readonly string[], maxListIds: number): Promise<readonly Part[]> => {
    await channel.send({ type: 'get-ranges', salt, maxListIds, prefixes })
    return (await channel.expect('ranges')).parts
  }

  /** One answer to `get-items`; answers with how much of it was news. */
  const takeItems = async (open: Map<Short, string>): Promise<number> => {
    let received = 0
    let skipped = 0
    for (let last = false; !last; ) {
      const page = await channel.expect('items')
      last = page.last
      if (page.items.length === 0 && !last) throw malformed('an empty page of records')
      await forEachParallel(page.items, MAX_PARALLEL_ACCEPTS, async (item) => {
        const taken = await intake.take(collection, item, peer, { signal }).catch(skipUnsupported)
        if (taken === undefined) {
          // Its id is not known either, but that so many were asked for.
          isPartlyUnread = true
          if (++skipped > open.size) throw malformed('a record that was not asked for')
          return
        }
        const { arrival, outcome } = taken
        const { id, name } = arrival
        const short = shorten(id)
        const prefix = open.get(short)
        if (prefix === undefined || !id.startsWith(prefix)) {
          throw malformed('a record that was not asked for')
        }
        open.delete(short)
        if (outcome === 'stored') {
          received++
          onTaken()
        }
        // Refused, or kept with fewer signatures: asking for it again would change nothing.
        if (outcome !== 'unwanted' && !collection.has(id)) settled.addTheirs(id, name)
      })
    }
    return received
  }

  /** Gets what we lack; answers with how much of it was news. */
  const pull = async (tree: IdTree, lacking: readonly LackingGroup[]): Promise<number> => {
    let received = 0
    for (const groups of requestsOf(lacking)) {
      if (!roomLeft()) break
      // Some may have come meanwhile, from somebody else.
      const wanted = groups.flatMap(({ prefix, shorts }) => {
        const here = new Set(tree.ids(prefix).map(shorten))
        const left = shorts.filter((short) => !here.has(short))
        return left.length === 0 ? [] : [{ prefix, shorts: left }]
      })
      if (wanted.length === 0) continue
      const open = new Map(
        wanted.flatMap(({ prefix, shorts }) => shorts.map((short) => [short, prefix] as const)),
      )
      await channel.send({ type: 'get-items', salt, groups: wanted })
      received += await takeItems(open)
    }
    return received
  }

  /** Gives what the peer lacks; answers with how much of it was taken. */
  const push = async (extra: readonly Digest[], { selection }: NameList): Promise<number> => {
    let sent = 0
    const wanted = (name: string): boolean => selection.has(name)
    for await (const { items, ids, names } of packItems(collection, extra, wanted, signal)) {
      if (!roomLeft()) break
      await channel.send({ type: 'put-items', items })
      const { notKept } = await channel.expect('taken')
      if (notKept.some((position) => position >= items.length)) {
        throw malformed('a position too far')
      }
      sent += items.length - notKept.length
      for (const position of notKept) {
        const id = ids[position]
        const name = names[position]
        if (id !== undefined && name !== undefined) settled.addOurs(id, name)
      }
    }
    return sent
  }

  const nothing = { received: 0, sent: 0, differences: 0 }

  const exchange = async (
    tree: IdTree,
    { other, root, mark }: { other: NameList; root: Digest; mark: Mark },
  ): Promise<RoundResult> => {
    const before = tree.summary('').hash
    const found: Difference = await findDifference({
      tree,
      shorten,
      settled,
      maxIds: MAX_ROUND_RECORDS,
      maxRanges: MAX_ROUND_RANGES,
      ask,
    })
    if (!found.cut) settled.keep(found.settled.theirs, found.settled.ours)
    const received = await pull(tree, found.lacking)
    // What we just got may have replaced some of what we had; that is skipped.
    const sent = await push(found.extra, other)
    await channel.send({ type: 'done' })
    const differences = found.lackingCount + found.extra.length
    const moved = received + sent > 0
    const whole = !found.cut && roomLeft()
    if (whole) agree(mark)
    if (whole && !moved && tree.summary('').hash === before)
      settled.agree({ ours: before, theirs: root })
    // If nothing moved the next round would be no better: ranges may speak of what does not exist.
    // Each direction by itself: a peer may say that it took what it had no use for.
    const incomplete =
      (received > 0 && found.lackingCount >= MAX_ROUND_RECORDS) ||
      (sent > 0 && found.extra.length >= MAX_ROUND_RECORDS) ||
      (received > 0 && !roomLeft())
    return { equal: differences === 0, differences, received, sent, incomplete }
  }

  let other = replica.namesOf(peer) ?? views.own()
  for (let comparison = 1; ; comparison++) {
    const own = views.own()
    const tree = await views.of(other, clock, signal)
    const mark = replica.agreements.now()
    const reply = await compare(own, other, tree.summary('').hash)
    // A peer that does not replicate this collection has nothing to differ in.
    if (reply === 'equal' || reply === 'unknown') {
      if (reply === 'equal') {
        replica.learn(peer, other.digest)
        agree(mark)
      }
      return { ...nothing, equal: true, incomplete: false }
    }
    if (reply.theirs === other.digest && reply.ours === own.digest) {
      return exchange(tree, { other, root: reply.root, mark })
    }
    checkNames(reply)
    if (comparison > MAX_COMPARISONS) {
      // No fault: names may be reloaded, or be forgotten in a crowd. But it can wait for longer
      // each time, or a peer could have us come back every second.
      throw new MeshError('ERR_TIMEOUT', `${peer} told other names ${comparison} times in a round`)
    }
    other = await shareNames(own, reply)
  }
}
