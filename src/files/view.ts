import { compareStatements, MAX_SIGNATURES, recordId } from '../statement/index.ts'
import { isExpired } from './judge.ts'
import { recordBy, standingOf } from './kept.ts'
import type { FileName, SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Kept } from './kept.ts'
import type { Row } from './row.ts'
import type { Rule } from './rules.ts'
import type { FileRecord, FileView } from './types.ts'

/**
 * One configured name as it stands, from what is kept and what was made of it; without `nowMs`, as
 * it stood when it was last published.
 */
export const viewOf = (
  name: FileName,
  rule: Rule,
  found: { readonly kept: readonly Kept[]; readonly row: Row | undefined; readonly nowMs?: number },
): FileView => {
  const { kept, row, nowMs } = found
  const { policy, authority } = rule
  const { winner, conflict } = standingOf(kept, authority)
  const fallback =
    row?.fallback === undefined || row.shown !== undefined ? {} : { fallbackShown: true as const }
  if (winner === undefined) return { name, policy, state: 'none', conflict: false, ...fallback }
  const { signed } = winner
  const shown = row?.shown
  const isShown = shown?.signed.id === signed.id
  // The clock hides at once; the worker that moves the file follows.
  const state =
    nowMs !== undefined && isExpired(signed, nowMs) ? 'expired' : (row?.state ?? 'missing')
  const waits = state === 'missing' || state === 'too-large' || state === 'too-old'
  const meanwhile =
    waits && shown !== undefined && !isShown ? recordBy(shown.signed, authority) : undefined
  return {
    name,
    policy,
    state,
    winner,
    conflict,
    ...fallback,
    ...(isShown && state === 'shown' ? { shownAtMs: shown.atMs } : {}),
    ...(meanwhile === undefined ? {} : { shownMeanwhile: meanwhile }),
  }
}

/** Equal for equal views. */
export const viewKey = (view: FileView | undefined): string =>
  view === undefined
    ? ''
    : [
        view.state,
        view.winner?.id,
        view.conflict,
        view.shownAtMs,
        view.shownMeanwhile?.id,
        view.fallbackShown,
        view.policy.mode,
        view.policy.maxSizeBytes,
        view.policy.signers.join(),
      ].join(' ')

/** Everything known about a name, each statement with all signatures seen, the winner first. */
export const historyOf = (
  kept: readonly Kept[],
  seen: readonly SignedStatement[],
  rule: Rule,
): FileRecord[] => {
  const byId = new Map<Digest, SignedStatement>()
  const add = (signed: SignedStatement): void => {
    const before = byId.get(signed.id)
    const keys = new Set(before?.signatures.map(({ key }) => key))
    const signatures = [
      ...(before?.signatures ?? []),
      ...signed.signatures.filter(({ key }) => !keys.has(key)),
    ]
    signatures.sort((a, b) => (a.key < b.key ? -1 : 1))
    byId.set(signed.id, { ...signed, signatures: signatures.slice(0, MAX_SIGNATURES) })
  }
  for (const { signed } of kept) add(signed)
  for (const signed of seen) add(signed)
  const winner = standingOf(kept, rule.authority).winner?.signed.id
  return [...byId.values()]
    .sort((a, b) => Number(b.id === winner) - Number(a.id === winner) || compareStatements(b, a))
    .map((signed) => ({ id: recordId(signed), signed }))
}

/** The record of this id, if the policy has it now. */
export const recordOfId = (
  kept: readonly Kept[],
  { authority }: Rule,
  id: Digest,
): FileRecord | undefined => standingOf(kept, authority).records.find((record) => record.id === id)
