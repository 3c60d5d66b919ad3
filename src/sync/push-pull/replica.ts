import { MAX_COMPARED_LISTS } from '../limits.ts'
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, MAX_FRAME_RECORDS } from '../limits.ts'
import { packItem } from '../pack.ts'
import { itemBytes } from '../wire.ts'
import { createAgreements } from './agreements.ts'
import { createNamesCache } from './names.ts'
import { createSettled } from './settled.ts'
import { createViews } from './views.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Digest } from '../../util/index.ts'
import type { Collection } from '../collection.ts'
import type { WireItem } from '../wire.ts'
import type { Agreements, Disputed } from './agreements.ts'
import type { NameList, NamesCache, OwnNames } from './names.ts'
import type { Settled } from './settled.ts'
import type { Views } from './views.ts'

/** One collection as push-pull sees it, with what is known of the peers' side of it. */
export interface Replica {
  readonly collection: Collection
  readonly views: Views
  /** The list that a peer is known to want, if it is still remembered. */
  namesOf(peer: PeerId): NameList | undefined
  /** Remembers a peer's list, if the list itself is known here. */
  learn(peer: PeerId, names: Digest): NameList | undefined
  readonly names: NamesCache
  readonly agreements: Agreements
  settledOf(peer: PeerId): Settled
  /** Where a connected peer and we have agreed to differ. */
  disputed(peer: PeerId): Disputed
  /** A name's policy, items or content changed here. */
  changed(name: string): void
  /** Whether there may be anything that the peer and we both want. */
  shares(peer: PeerId): boolean
  forget(peer: PeerId): void
}

export const createReplica = (collection: Collection): Replica => {
  const views = createViews(collection)
  const names = createNamesCache()
  const peerNames = new Map<PeerId, Digest>()
  const settled = new Map<PeerId, Settled>()
  const agreements = createAgreements()

  /** Whether lists have anything in common, by both digests. */
  const shared = new Map<string, boolean>()

  const listOf = (digest: Digest): NameList | undefined => {
    const own = views.own()
    return own.digest === digest ? own : names.get(digest)
  }

  const namesOf = (peer: PeerId): NameList | undefined => {
    const digest = peerNames.get(peer)
    return digest === undefined ? undefined : listOf(digest)
  }

  const haveCommon = (own: OwnNames, { digest, selection }: NameList): boolean => {
    if (own.digest === digest) return own.selectors.length > 0
    const key = `${own.digest} ${digest}`
    const known = shared.get(key)
    if (known !== undefined) return known
    // A pattern on either side may select what nobody has published yet.
    const found =
      selection.hasPatterns ||
      own.selection.hasPatterns ||
      own.selectors.some((selector) => selection.has(selector))
    if (shared.size >= MAX_COMPARED_LISTS) shared.clear()
    shared.set(key, found)
    return found
  }

  return {
    collection,
    views,
    names,
    agreements,
    namesOf,
    learn(peer, digest) {
      const list = listOf(digest)
      if (list !== undefined) {
        peerNames.set(peer, digest)
        // Also when it is ours now: ours may change while the peer's stays.
        names.put(list)
      }
      return list
    },
    settledOf(peer) {
      const known = settled.get(peer) ?? createSettled()
      settled.set(peer, known)
      return known
    },
    disputed(peer) {
      const found = settled.get(peer)
      return { ours: new Set(found?.ours.keys()), theirs: new Set(found?.theirs.values()) }
    },
    changed(name) {
      agreements.changed(name)
      for (const each of settled.values()) each.reopen(name)
    },
    shares(peer) {
      const list = namesOf(peer)
      return list === undefined || haveCommon(views.own(), list)
    },
    forget(peer) {
      peerNames.delete(peer)
      settled.delete(peer)
    },
  }
}

/** The items with these ids that are still kept, packed into frames' worth each. */
export async function* packItems(
  collection: Collection,
  ids: Iterable<Digest>,
  wanted: (name: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<{ items: WireItem[]; ids: Digest[]; names: string[] }> {
  const empty = () => ({ items: [] as WireItem[], ids: [] as Digest[], names: [] as string[] })
  let batch = empty()
  let sizeBytes = FRAME_HEADER_BYTES
  for (const id of ids) {
    const item = collection.get(id)
    if (item === undefined || !wanted(item.name)) continue
    const packed = await packItem(collection, item, signal)
    const full = sizeBytes + itemBytes(packed) > MAX_FRAME_BYTES
    if (batch.items.length > 0 && (full || batch.items.length === MAX_FRAME_RECORDS)) {
      yield batch
      batch = empty()
      sizeBytes = FRAME_HEADER_BYTES
    }
    batch.items.push(packed)
    batch.ids.push(id)
    batch.names.push(item.name)
    sizeBytes += itemBytes(packed)
  }
  if (batch.items.length > 0) yield batch
}
