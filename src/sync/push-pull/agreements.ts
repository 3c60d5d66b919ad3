import { MAX_AGREED_DIFFERENCES, MAX_REMEMBERED_CHANGES, MAX_REPORTED_PEERS } from '../limits.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Digest } from '../../util/index.ts'

/**
 * A point in the life of this process: how many changes there have been. Two of them can be compared
 * whatever a clock does.
 */
export type Mark = number

/** When a peer was last known to keep what we keep. */
export interface Agreement {
  readonly mark: Mark
  /** Wall clock, ms since the epoch; to be shown, not to be compared. */
  readonly atMs: number
  readonly except: Disputed
}

/** Where two nodes differ and have agreed to, because their configurations do. */
export interface Disputed {
  /** Records of ours that the peer does not take. */
  readonly ours: ReadonlySet<Digest>
  /** Names of records of the peer that we do not take. */
  readonly theirs: ReadonlySet<string>
}

/** What is known of peers' having the same, and since when a name is as it is here. */
export interface Agreements {
  /** Something about this name changed here. */
  changed(name: string): void
  now(): Mark
  /** The mark from which on the name is as it is; never too early. */
  changedAt(name: string): Mark
  /** The peer was found to keep, of what both want, what we kept at `mark`, but for some names. */
  agree(peer: PeerId, agreement: Agreement): void
  of(peer: PeerId): Agreement | undefined
}

export const createAgreements = (maxChanges: number = MAX_REMEMBERED_CHANGES): Agreements => {
  let mark: Mark = 0
  /** Of names that are not in `changes` any more. */
  let forgotten: Mark = 0
  /** The one changed longest ago is first. */
  const changes = new Map<string, Mark>()
  const agreements = new Map<PeerId, Agreement>()
  return {
    changed(name) {
      mark++
      changes.delete(name)
      changes.set(name, mark)
      const oldest = changes.entries().next()
      if (changes.size <= maxChanges || oldest.done) return
      const [oldName, oldMark] = oldest.value
      changes.delete(oldName)
      forgotten = oldMark
    },
    now: () => mark,
    changedAt: (name) => changes.get(name) ?? forgotten,
    agree(peer, agreement) {
      // So many differences are not worth their memory: it stays unknown what the peer keeps.
      const { ours, theirs } = agreement.except
      if (ours.size + theirs.size > MAX_AGREED_DIFFERENCES) return
      agreements.delete(peer)
      agreements.set(peer, agreement)
      const oldest = agreements.keys().next()
      if (agreements.size > MAX_REPORTED_PEERS && !oldest.done) agreements.delete(oldest.value)
    },
    of: (peer) => agreements.get(peer),
  }
}
