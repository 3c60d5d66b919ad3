import { isMeshError, MeshError } from '../errors/index.ts'
import { createTokenBuckets, sha256 } from '../util/index.ts'
import { createBoundedSet } from './bounded-set.ts'
import { MAX_RATED_PEERS, MAX_SEEN_RECORDS } from './limits.ts'
import { RELAY_BURST_RECORDS, RELAY_RECORDS_PER_SECOND } from './limits.ts'
import { malformed } from './wire.ts'
import type { PeerId } from '../keys/index.ts'
import type { Clock } from '../util/index.ts'
import type { Arrival, Collection, ContentRef } from './collection.ts'
import type { WireItem } from './wire.ts'

/** What became of an item from a peer. */
export interface Taken {
  readonly arrival: Arrival
  readonly outcome: 'stored' | 'known' | 'refused' | 'unwanted'
  /** Checked, not kept here, not seen before and within the peer's rate: others are to get it. */
  readonly relay: boolean
}

export interface TakeOptions {
  readonly signal: AbortSignal
  /** Whether the caller passes on what is not kept here. @default false */
  readonly relay?: boolean
}

/** Where items from peers come in, whichever protocol brought them. */
export interface Intake {
  /**
   * Judges one item and, if it is wanted, hands it to its collection.
   *
   * @throws MeshError a fault to hold against the peer, `ERR_ABORTED`, or what is wrong here
   * (`ERR_DISK_FULL`, `ERR_STATE_UNUSABLE`)
   */
  take(collection: Collection, item: WireItem, from: PeerId, options: TakeOptions): Promise<Taken>
}

export interface IntakeInit {
  readonly clock: Clock
  /** A peer says that it holds content which is missing here. */
  readonly onHolder: (
    collection: Collection,
    holder: { peer: PeerId; name: string; content: ContentRef },
  ) => void
}

/** One piece, as a source. */
async function* piece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}

const checkInline = ({ content: inline }: WireItem, { name, content }: Arrival): void => {
  if (inline === undefined) return
  if (content === undefined) throw malformed(`content for ${name}, which has none`)
  if (inline.length === content.sizeBytes && sha256(inline) === content.digest) return
  throw malformed(`content for ${name} that its record does not speak of`)
}

/**
 * To catch a failed `take` with. A newer node may sign in ways that we cannot check yet: such a
 * record is skipped, and what else the peer says is good.
 */
export const skipUnsupported = (error: unknown): undefined => {
  if (isMeshError(error, 'ERR_SIGNATURE_UNSUPPORTED')) return undefined
  throw error
}

const forged = (name: string): MeshError =>
  new MeshError('ERR_SIGNATURE_INVALID', `a record of ${name} has a signature that does not hold`)

export const createIntake = ({ clock, onHolder }: IntakeInit): Intake => {
  // Only what was verified: an id does not commit to the bytes of its signatures, so remembering
  // an unverified one would let anybody suppress the real one.
  const seen = createBoundedSet<string>(MAX_SEEN_RECORDS)
  const bucketOf = createTokenBuckets<PeerId>(
    { clock },
    {
      perSecond: RELAY_RECORDS_PER_SECOND,
      burst: RELAY_BURST_RECORDS,
      maxKeys: MAX_RATED_PEERS,
    },
  )

  /** Whether to pass on what is not kept here. Verifies, within the peer's rate. */
  const judgeRelay = (collection: Collection, arrival: Arrival, from: PeerId): boolean => {
    const key = `${collection.name} ${arrival.id}`
    if (!arrival.relayable || seen.has(key)) return false
    if (!bucketOf(from).tryTake(1)) return false
    if (!arrival.verify()) throw forged(arrival.name)
    seen.add(key)
    return true
  }

  const noteHolder = (
    collection: Collection,
    { name, content }: Arrival,
    peer: PeerId,
    holds: boolean,
  ): void => {
    if (holds && content !== undefined) onHolder(collection, { peer, name, content })
  }

  /** An item that is here already: at most its content, or a holder of it, is news. */
  const takeKnown = async (
    collection: Collection,
    item: WireItem,
    arrival: Arrival,
    from: PeerId,
    signal: AbortSignal,
  ): Promise<void> => {
    const { name, content } = arrival
    const missing = collection.missing(name).find((each) => each.content.digest === content?.digest)
    if (missing === undefined) return
    if (item.content === undefined) noteHolder(collection, arrival, from, item.holds)
    else await missing.accept(piece(item.content), from, { signal })
  }

  return {
    async take(collection, item, from, { signal, relay: mayRelay = false }) {
      const arrival = collection.parse(item.record)
      checkInline(item, arrival)
      if (collection.has(arrival.id)) {
        await takeKnown(collection, item, arrival, from, signal)
        return { arrival, outcome: 'known', relay: false }
      }
      if (!collection.wants(arrival.name)) {
        const relay = mayRelay && judgeRelay(collection, arrival, from)
        return { arrival, outcome: 'unwanted', relay }
      }
      const source = item.content === undefined ? undefined : piece(item.content)
      const verdict = await arrival.accept(source, from, { signal })
      if (verdict.outcome !== 'refused') {
        noteHolder(collection, arrival, from, item.holds && item.content === undefined)
        return { arrival, outcome: verdict.outcome, relay: false }
      }
      if (verdict.why === 'fault') throw verdict.error
      const relay = mayRelay && verdict.why === 'policy' && judgeRelay(collection, arrival, from)
      return { arrival, outcome: 'refused', relay }
    },
  }
}
