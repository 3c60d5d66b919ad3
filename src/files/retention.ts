import { WITHDRAWN_CONTENT_MS } from './limits.ts'
import type { SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Kept, Standing } from './kept.ts'
import type { Row } from './row.ts'
import type { Rule } from './rules.ts'

/** Everything that decides how long content of a name stays on this disk. */
export interface Holding {
  readonly rule: Rule | undefined
  readonly kept: readonly Kept[]
  /** Of the rule; `undefined` without one. */
  readonly standing: Standing | undefined
  /** Statements that are remembered, the greatest first. */
  readonly history: readonly SignedStatement[]
  readonly row: Pick<Row, 'purgeAtMs' | 'rule'>
  readonly nowMs: number
}

/** When older content goes: after a tombstone, or when a name is not configured any more. */
export const purgeTimeOf = ({
  rule,
  standing,
  row,
  nowMs,
}: Omit<Holding, 'kept' | 'history'>): number | undefined => {
  const deleted = standing?.winner?.signed.statement.content === 'deleted'
  if (rule !== undefined && !deleted) return undefined
  // A tombstone and a missing rule have different times: what began for one does not end the other.
  const begun = (row.rule === undefined) === (rule === undefined) ? row.purgeAtMs : undefined
  return begun ?? nowMs + (rule === undefined ? WITHDRAWN_CONTENT_MS : rule.purgeAfterMs)
}

const digestsOf = (statements: readonly (SignedStatement | undefined)[]): Digest[] =>
  statements.flatMap((signed) => {
    const content = signed?.statement.content ?? 'deleted'
    return content === 'deleted' ? [] : [content.digest]
  })

/**
 * Content that has to stay, shown or not: the winner's, that of the last versions, and that of
 * statements above the winner which are set aside and return when a reload is taken back.
 */
export const retainedContent = (holding: Holding): Set<Digest> => {
  const { rule, kept, standing, history, nowMs } = holding
  const purgeAtMs = purgeTimeOf(holding)
  const purged = purgeAtMs !== undefined && purgeAtMs <= nowMs
  const above = standing?.above.map(({ signed }) => signed) ?? []
  if (purged) return new Set(digestsOf(above))
  if (rule === undefined) {
    return new Set(digestsOf([...kept.map(({ signed }) => signed), ...history]))
  }
  const last = history.slice(0, rule.history)
  return new Set(digestsOf([standing?.winner?.signed, ...above, ...last]))
}
