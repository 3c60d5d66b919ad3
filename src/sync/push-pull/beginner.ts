import { MeshError } from '../../errors/index.ts'
import { forEachParallel } from '../../util/index.ts'
import { MAX_INDEX_IDS, MAX_PARALLEL_ACCEPTS, MAX_REQUEST_RECORDS } from '../limits.ts'
import { MAX_ROUND_BYTES, MAX_ROUND_RECORDS } from '../limits.ts'
import { malformed } from '../wire.ts'
import { createNameReader, pagesOf } from './names.ts'
import { packItems } from './replica.ts'
import { stateOf } from './views.ts'
import type { Digest } from '../../util/index.ts'
import type { Intake } from '../intake.ts'
import type { Channel } from './channel.ts'
import type { NameList } from './names.ts'
import type { Replica } from './replica.ts'

/** What one round came to. */
export interface RoundResult {
  readonly equal: boolean
  /** Records that we lacked and got. */
  readonly received: number
  /** Records that the peer lacked and took. */
  readonly sent: number
  /** A limit was reached before everything had been exchanged, and something was. */
  readonly incomplete: boolean
}

/** Rounds of comparing states before the indexes are exchanged: names may have to be told first. */
const MAX_COMPARISONS = 3

/** At most {@link MAX_ROUND_RECORDS} of each; the next round finds the rest. */
interface Difference {
  /** The peer's and not ours, in order. */
  readonly lacking: readonly Digest[]
  /** Ours and not the peer's, in order. */
  readonly extra: readonly Digest[]
}

/** The side that begins a round with one peer, for one collection. */
export const beginRound = async (
  channel: Channel,
  { replica, intake, onTaken }: { replica: Replica; intake: Intake; onTaken: () => void },
): Promise<RoundResult> => {
  const { collection, views } = replica
  const { peer, signal } = channel.stream
  const settled = replica.settledOf(peer)

  /** Whether what the peer keeps is what we think it keeps. */
  const compare = async (other: NameList): Promise<'equal' | 'unknown' | PeerNames> => {
    const own = views.own()
    const state = stateOf({
      collection: collection.name,
      beginnerNames: own.digest,
      answererNames: other.digest,
      root: settled.predict(views.of(other)),
    })
    await channel.send({ type: 'round', collection: collection.name, state })
    const reply = await channel.expect('equal', 'differs', 'done')
    if (reply.type === 'equal') return 'equal'
    if (reply.type === 'done') return 'unknown'
    return { theirs: reply.names, ours: reply.yourNames }
  }

  const fetchNames = async (digest: Digest): Promise<NameList> => {
    await channel.send({ type: 'get-names' })
    const reader = createNameReader(digest)
    for (;;) {
      const { names, last } = await channel.expect('names')
      const list = reader.add(names, last)
      if (list !== undefined) return list
    }
  }

  const tellNames = async (own: NameList): Promise<void> => {
    await channel.send({ type: 'offer-names', names: own.digest })
    const reply = await channel.expect('get-names', 'done')
    if (reply.type === 'done') return
    const pages = pagesOf(own.names)
    for (const [index, names] of pages.entries()) {
      await channel.send({ type: 'names', last: index === pages.length - 1, names })
    }
    await channel.expect('done')
  }

  /** Streams the peer's index past our own; holds no more of it than the differences. */
  const findDifference = async (other: NameList): Promise<Difference> => {
    const ours = views.of(other).ids()
    const theirsSettled = new Set<Digest>()
    const oursSettled = new Set<Digest>()
    const lacking: Digest[] = []
    const extra: Digest[] = []
    const note = (list: Digest[], id: Digest, known: ReadonlyMap<Digest, string>): void => {
      if (known.has(id)) (list === lacking ? theirsSettled : oursSettled).add(id)
      else if (list.length < MAX_ROUND_RECORDS) list.push(id)
    }
    let at = 0
    let count = 0
    let before = ''
    await channel.send({ type: 'get-index' })
    for (let last = false; !last; ) {
      const page = await channel.expect('index')
      last = page.last
      if (page.ids.length === 0 && !last) throw malformed('an empty page of an index')
      count += page.ids.length
      if (count > MAX_INDEX_IDS) throw malformed(`an index of more than ${MAX_INDEX_IDS} ids`)
      for (const id of page.ids) {
        if (id <= before) throw malformed('an index that is not sorted')
        before = id
        for (let own = ours[at]; own !== undefined && own < id; own = ours[++at]) {
          note(extra, own, settled.ours)
        }
        if (ours[at] === id) at++
        else note(lacking, id, settled.theirs)
      }
    }
    for (const own of ours.slice(at)) note(extra, own, settled.ours)
    settled.keep(theirsSettled, oursSettled)
    return { lacking, extra }
  }

  const roomLeft = (): boolean => channel.bytes < MAX_ROUND_BYTES

  /** Gets what we lack; answers with how much of it was news. */
  const pull = async (lacking: readonly Digest[]): Promise<number> => {
    let received = 0
    for (let start = 0; start < lacking.length && roomLeft(); start += MAX_REQUEST_RECORDS) {
      // Some may have come meanwhile, from somebody else.
      const ids = lacking
        .slice(start, start + MAX_REQUEST_RECORDS)
        .filter((id) => !collection.has(id))
      if (ids.length === 0) continue
      const open = new Set(ids)
      await channel.send({ type: 'get-items', ids })
      for (let last = false; !last; ) {
        const page = await channel.expect('items')
        last = page.last
        if (page.items.length === 0 && !last) throw malformed('an empty page of records')
        await forEachParallel(page.items, MAX_PARALLEL_ACCEPTS, async (item) => {
          const { arrival, outcome } = await intake.take(collection, item, peer, { signal })
          if (!open.delete(arrival.id)) throw malformed('a record that was not asked for')
          if (outcome === 'stored') {
            received++
            onTaken()
          }
          // Refused, or kept with fewer signatures: asking for it again would change nothing.
          if (outcome !== 'unwanted' && !collection.has(arrival.id)) {
            settled.addTheirs(arrival.id, arrival.name)
          }
        })
      }
    }
    return received
  }

  /** Gives what the peer lacks; answers with how much of it was taken. */
  const push = async (extra: readonly Digest[], other: NameList): Promise<number> => {
    const wanted = new Set(other.names)
    let sent = 0
    for await (const { items, ids, names } of packItems(
      collection,
      extra,
      (name) => wanted.has(name),
      signal,
    )) {
      if (!roomLeft()) break
      await channel.send({ type: 'put-items', items })
      const { notKept } = await channel.expect('taken')
      if (notKept.some((position) => position >= items.length))
        throw malformed('a position too far')
      sent += items.length - notKept.length
      for (const position of notKept) {
        const id = ids[position]
        const name = names[position]
        if (id !== undefined && name !== undefined) settled.addOurs(id, name)
      }
    }
    return sent
  }

  /** Has both sides know each other's names, and answers with the peer's. */
  const shareNames = async ({ theirs, ours }: PeerNames): Promise<NameList> => {
    const own = views.own()
    if (replica.learn(peer, theirs) === undefined) {
      replica.names.put(await fetchNames(theirs))
    }
    const list = replica.learn(peer, theirs)
    if (list === undefined) throw new MeshError('ERR_INTERNAL', 'a list of names was not kept')
    if (ours !== own.digest) await tellNames(own)
    return list
  }

  const nothing = { received: 0, sent: 0, incomplete: false }
  let other = replica.namesOf(peer) ?? views.own()
  for (let comparison = 1; ; comparison++) {
    const own = views.own().digest
    const reply = await compare(other)
    // A peer that does not replicate this collection has nothing to differ in.
    if (reply === 'equal' || reply === 'unknown') {
      if (reply === 'equal') replica.learn(peer, other.digest)
      return { ...nothing, equal: true }
    }
    const agreed = reply.theirs === other.digest && reply.ours === own
    other = await shareNames(reply)
    if (agreed) break
    if (comparison === MAX_COMPARISONS) return { ...nothing, equal: false, incomplete: true }
  }
  const { lacking, extra } = await findDifference(other)
  const received = await pull(lacking)
  // What we just got may have replaced some of what we had; that is skipped.
  const sent = await push(extra, other)
  // If nothing moved the next round would be no better: an index may speak of what does not exist.
  const hasMore = (list: readonly Digest[], moved: number): boolean =>
    moved > 0 && (list.length === MAX_ROUND_RECORDS || !roomLeft())
  const incomplete = hasMore(lacking, received) || hasMore(extra, sent)
  await channel.send({ type: 'done' })
  return { equal: lacking.length + extra.length === 0, received, sent, incomplete }
}

/** Digests as the answerer gave them. */
interface PeerNames {
  readonly theirs: Digest
  readonly ours: Digest | 'none'
}
