/** What a peer is known to have of one file. */
export interface PeerVersionBody {
  /**
   * `same`: the statements that are here. `before`: the name has changed here since it was last found
   * to keep the same; `version` is what it had then. `refuses`: it was offered the version that counts
   * here and did not take it. `other`: it keeps something that this node did not take. `unwanted`: it
   * is not configured for the name. `unknown`: nothing was compared since this daemon started.
   */
  readonly has: 'same' | 'before' | 'refuses' | 'other' | 'unwanted' | 'unknown'
  /** The version that it had when the two last compared, as far as that is known. */
  readonly version: number | null
}

/** GET /spread: which peer has which version of which file, as far as this node knows. */
export interface SpreadBody {
  readonly peers: readonly {
    readonly peerId: string
    readonly name: string | null
    readonly connected: boolean
    /** When a round of push-pull last found that it keeps what is here. */
    readonly comparedAt: string | null
  }[]
  readonly files: readonly {
    readonly name: string
    /** Of the winner here; `null`: nothing was published. */
    readonly version: number | null
    /** In the order of `peers`. */
    readonly peers: readonly PeerVersionBody[]
  }[]
  /** The last name, if there are more: ask again with `?after=` it. */
  readonly next: string | null
}
