import { compareStatements } from '../statement/index.ts'
import { nearest } from '../util/index.ts'
import { standingOf } from './kept.ts'
import type { FileName, Selector, SignedStatement } from '../statement/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Rule, Rules } from './rules.ts'
import type { FileExplanation, Refusal } from './types.ts'

/** `app/motd` for `motd`: a directory that was forgotten. */
const sameLastPart = (name: FileName, selectors: readonly Selector[]): Selector | undefined => {
  const last = name.split('/').at(-1)
  return selectors.find((selector) => selector.split('/').at(-1) === last)
}

/** What was meant by a name that is not configured, as far as one can guess. */
const meant = (name: FileName, selectors: readonly Selector[]): Selector | undefined => {
  const text = nearest(name, selectors)
  return selectors.find((selector) => selector === text) ?? sameLastPart(name, selectors)
}

/** Statements above the winner, and why they do not count. */
const setAside = (
  name: FileName,
  rule: Rule,
  catalogue: Pick<Catalogue, 'kept'>,
): FileExplanation['setAside'] => {
  const { above, winner, records } = standingOf(catalogue.kept(name), rule.authority)
  const isOfRevoked = rule.authority.certified?.revoked !== undefined
  const heldBack = records.filter(
    ({ signed }) => winner === undefined || compareStatements(signed, winner.signed) > 0,
  )
  const toBody = (
    why: 'signers' | 'revoked' | 'expiry',
    { statement, signatures }: SignedStatement,
  ) => ({
    version: statement.version,
    signers: signatures.map(({ key }) => key),
    why,
  })
  return [
    ...above.map(({ signed }) => toBody(isOfRevoked ? 'revoked' : 'signers', signed)),
    ...heldBack.map(({ signed }) => toBody('expiry', signed)),
  ]
}

/** Why a name is as it is, beyond what its view says. */
export const explanationOf = (
  name: FileName,
  known: {
    readonly rules: Rules
    readonly refusals: readonly Refusal[]
    readonly catalogue: Pick<Catalogue, 'kept'>
  },
): FileExplanation => {
  const { rules, refusals, catalogue } = known
  const rule = rules.get(name)
  if (rule === undefined) {
    const like = meant(name, rules.selectors)
    return { refusals, setAside: [], ...(like === undefined ? {} : { nearest: like }) }
  }
  return { selector: rule.policy.name, refusals, setAside: setAside(name, rule, catalogue) }
}
