/** What a configuration would change about one file; versions `null`: none. */
export interface FileChangeBody {
  readonly name: string
  /**
   * `withdrawn`: not wanted any more. `reverted`: another version is shown, an older one or none.
   * `advanced`: a newer one, which was set aside. `added`: wanted from now on.
   * `policy`: the same version under other rules.
   */
  readonly kind: 'withdrawn' | 'reverted' | 'advanced' | 'added' | 'policy'
  readonly before: number | null
  readonly after: number | null
  /** Keys that may not sign it any more and those that may from now on. */
  readonly removedSigners: readonly string[]
  readonly addedSigners: readonly string[]
}

/** POST /config/preview: what a reload with the configuration in the body would do. */
export interface PreviewBody {
  /** Why it would not be applied at all; `null`: it would. */
  readonly refused: string | null
  readonly restartNeeded: readonly string[]
  readonly changes: readonly FileChangeBody[]
}
