import type { PeerId } from '../../keys/index.ts'
import type { Digest } from '../../util/index.ts'
import type { Agreement, Disputed } from './agreements.ts'
import type { Replica } from './replica.ts'

/** What is known of one peer's having what we have. */
export interface PeerKnowledge {
  /** When it was last found to keep what we keep. */
  readonly agreement: Agreement | undefined
  /** Whether it is known to have what is here of this name; `id` is the record that counts. */
  has(name: string, id: Digest | undefined): Has
}

/**
 * `same`: the statements that are here now. `before`: it had those of the last agreement, and the name
 * has changed here since. `refuses`: it was offered what counts here and did not take it. `other`: it
 * keeps something that this node did not take. `unwanted`: it is not configured for the name.
 * `unknown`: nothing was compared yet.
 */
export type Has = 'same' | 'before' | 'refuses' | 'other' | 'unwanted' | 'unknown'

/** `undefined`: of a collection that is not here. */
export const knowledgeOf = (replica: Replica | undefined, peer: PeerId): PeerKnowledge => {
  const agreement = replica?.agreements.of(peer)
  const disputed = replica?.disputed(peer)
  return {
    agreement,
    has(name, id) {
      const disputedIn = ({ ours, theirs }: Disputed): Has | undefined => {
        if (id !== undefined && ours.has(id)) return 'refuses'
        return theirs.has(name) ? 'other' : undefined
      }
      if (replica?.namesOf(peer)?.selection.has(name) === false) return 'unwanted'
      const now = disputed === undefined ? undefined : disputedIn(disputed)
      if (now !== undefined) return now
      if (replica === undefined || agreement === undefined) return 'unknown'
      if (replica.agreements.changedAt(name) > agreement.mark) return 'before'
      return disputedIn(agreement.except) ?? 'same'
    },
  }
}
