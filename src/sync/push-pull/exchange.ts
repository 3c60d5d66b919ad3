import { forEachParallel } from '../../util/index.ts'
import { MAX_LIST_IDS, MAX_PARALLEL_ACCEPTS, MAX_REQUEST_GROUPS } from '../limits.ts'
import { MAX_REQUEST_RECORDS, MAX_ROUND_BYTES } from '../limits.ts'
import { skipUnsupported } from '../intake.ts'
import { malformed } from '../wire.ts'
import { createShortener } from './ranges.ts'
import { packItems } from './replica.ts'
import { createMarker, rivalOf } from './rivals.ts'
import type { IdTree } from '../../tree/index.ts'
import type { Digest } from '../../util/index.ts'
import type { Intake } from '../intake.ts'
import type { Channel } from './channel.ts'
import type { Difference, LackingGroup } from './difference.ts'
import type { NameList } from './names.ts'
import type { Short } from './ranges.ts'
import type { Replica } from './replica.ts'
import type { Rival } from './rivals.ts'

export interface ExchangeInit {
  readonly replica: Replica
  readonly intake: Intake
  /** Of the round. */
  readonly salt: Uint8Array
  /** What we keep of what both want. */
  readonly tree: IdTree
  /** What the peer wants. */
  readonly other: NameList
  /** A record of the peer was news. */
  readonly onTaken: () => void
}

export interface Exchanged {
  /** Records that were news here. */
  readonly received: number
  /** Records that the peer took. */
  readonly sent: number
  /** The peer gave something that cannot be read here yet. */
  readonly unread: boolean
}

/** The groups that one request has room for. */
function* requestsOf(lacking: readonly LackingGroup[]): Generator<LackingGroup[]> {
  let groups: LackingGroup[] = []
  let count = 0
  for (const group of lacking) {
    const size = Math.max(group.shorts.length, group.ours.length)
    if (groups.length === MAX_REQUEST_GROUPS || count + size > MAX_REQUEST_RECORDS) {
      if (groups.length > 0) yield groups
      groups = []
      count = 0
    }
    groups.push(group)
    count += size
  }
  if (groups.length > 0) yield groups
}

/** Moves the records that were found to differ. */
export const exchangeRecords = async (
  channel: Channel,
  found: Difference,
  { replica, intake, salt, tree, other, onTaken }: ExchangeInit,
): Promise<Exchanged> => {
  const { collection } = replica
  const { peer, signal } = channel.stream
  const settled = replica.settledOf(peer)
  const shorten = createShortener(salt)
  const markOf = createMarker(salt)

  let unread = false
  const roomLeft = (): boolean => channel.bytes < MAX_ROUND_BYTES

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
          unread = true
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

  /** Those of a group that have not come meanwhile, from somebody else. */
  const stillLacking = ({ prefix, shorts, ours }: LackingGroup): LackingGroup[] => {
    const here = new Set(tree.ids(prefix).map(shorten))
    const left = shorts.filter((short) => !here.has(short))
    return left.length === 0 ? [] : [{ prefix, shorts: left, ours }]
  }

  const rivalsOf = ({ ours }: LackingGroup): Rival[] =>
    ours.slice(0, MAX_LIST_IDS).flatMap((id) => {
      const rank = collection.get(id)?.rank
      return rank === undefined ? [] : [rivalOf(markOf(id), rank)]
    })

  /** Gets what we lack; what was not given because of ours goes to `withheld`. */
  const pull = async (
    lacking: readonly LackingGroup[],
    withheld: LackingGroup[],
  ): Promise<number> => {
    let received = 0
    for (const some of requestsOf(lacking)) {
      if (!roomLeft()) break
      const groups = some.flatMap(stillLacking)
      if (groups.length === 0) continue
      const open = new Map(
        groups.flatMap(({ prefix, shorts }) => shorts.map((short) => [short, prefix] as const)),
      )
      const wanted = groups.map((group) => ({
        prefix: group.prefix,
        shorts: group.shorts,
        rivals: rivalsOf(group),
      }))
      await channel.send({ type: 'get-items', salt, groups: wanted })
      received += await takeItems(open)
      for (const [at, { prefix, shorts }] of groups.entries()) {
        const left = shorts.filter((short) => open.has(short))
        const hinted = (wanted[at]?.rivals.length ?? 0) > 0
        if (left.length > 0 && hinted) withheld.push({ prefix, shorts: left, ours: [] })
      }
    }
    return received
  }

  /** Gives what the peer lacks; answers with how much of it was taken. */
  const push = async (extra: readonly Digest[]): Promise<number> => {
    let sent = 0
    const wanted = (name: string): boolean => other.selection.has(name)
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

  const withheld: LackingGroup[] = []
  const first = await pull(found.lacking, withheld)
  // What we just got may have replaced some of what we had; that is skipped.
  const sent = await push(found.extra)
  // What ours has replaced there is gone by now; whatever else was left out is given this time.
  const rest = await pull(withheld, [])
  return { received: first + rest, sent, unread }
}
