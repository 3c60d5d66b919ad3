import type { Digest } from '../util/index.ts'

/** What is known of all ids that begin alike. */
export interface Summary {
  readonly count: number
  /** Commits to these ids; equal sets of ids have equal hashes, wherever they are. */
  readonly hash: Digest
}

/** A set of ids, by the hex digits that they begin with: 0 to 63 of them are a prefix. */
export interface IdTree {
  summary(prefix: string): Summary
  /** Of the sixteen prefixes that are one digit longer, in order. */
  children(prefix: string): readonly Summary[]
  /** In order. */
  ids(prefix: string): readonly Digest[]
}
