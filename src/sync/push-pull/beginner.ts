import { MeshError } from '../../errors/index.ts'
import { MAX_AGREED_DIFFERENCES, MAX_NAMES_TOLD, MAX_ROUND_BYTES } from '../limits.ts'
import { MAX_ROUND_RANGES, MAX_ROUND_RECORDS } from '../limits.ts'
import { sleep } from '../async.ts'
import { malformed } from '../wire.ts'
import { findDifference } from './difference.ts'
import { exchangeRecords } from './exchange.ts'
import { createNameReader, pagesOf, takePage } from './names.ts'
import { createShortener, SALT_BYTES } from './ranges.ts'
import { stateOf } from './views.ts'
import type { IdTree } from '../../tree/index.ts'
import type { Clock, Digest, Random } from '../../util/index.ts'
import type { Intake } from '../intake.ts'
import type { Mark } from './agreements.ts'
import type { Channel } from './channel.ts'
import type { Difference } from './difference.ts'
import type { NameList, OwnNames } from './names.ts'
import type { Part } from './ranges.ts'
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

/** Names as the answerer gave them, and its root. */
interface Differing {
  readonly theirs: Digest
  readonly ours: Digest | 'none'
  readonly root: Digest
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
  /** Both have the same, but for what is settled: as far as is known, nothing else may differ. */
  const agree = (mark: Mark): void => {
    if (settled.theirs.size + settled.ours.size > MAX_AGREED_DIFFERENCES) return
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
      const page = await channel.expect('names')
      const list = await takePage(reader, page, () => sleep(clock, 0, signal))
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
    const { received, sent, unread } = await exchangeRecords(channel, found, {
      ...{ replica, intake, salt, tree, other, onTaken },
    })
    await channel.send({ type: 'done' })
    const differences = found.lackingCount + found.extra.length
    const moved = received + sent > 0
    const whole = !found.cut && roomLeft()
    // What could not be read is something that we know nothing of.
    if (whole && !unread) agree(mark)
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
    if (comparison > MAX_NAMES_TOLD) {
      // No fault: names may be reloaded, or be forgotten in a crowd. But it can wait for longer
      // each time, or a peer could have us come back every second.
      throw new MeshError('ERR_TIMEOUT', `${peer} told other names ${comparison} times in a round`)
    }
    other = await shareNames(own, reply)
  }
}
