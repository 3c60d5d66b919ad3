import { publicKeyFromBytes } from '../keys/index.ts'
import { compareStatements } from '../statement/index.ts'
import { fromHex, nearest } from '../util/index.ts'
import { notCovered } from './covering.ts'
import { standingOf } from './kept.ts'
import { MAX_USES_EXPLAINED } from './limits.ts'
import type { PublicKey } from '../keys/index.ts'
import type { FileName, Selector, SignedStatement } from '../statement/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Rule, Rules } from './rules.ts'
import type { Quota } from './quota.ts'
import type { FileExplanation, PatternUse, Refusal } from './types.ts'

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

/** Whose signatures the words of an owner are, as `ownerOf` in kept.ts puts them together. */
const signersOf = (owner: string): PublicKey[] =>
  owner.split(' ').flatMap((key) => {
    const bytes = key === '' ? undefined : fromHex(key)
    return bytes === undefined ? [] : [publicKeyFromBytes(bytes)]
  })

const patternUse = (name: FileName, rule: Rule, quota: Pick<Quota, 'uses'>): PatternUse => {
  const uses = [...quota.uses(rule)]
    .filter(([, names]) => names.length > 0)
    .map(([owner, names]) => ({
      signers: signersOf(owner),
      names: names.length,
      hasThis: names.includes(name),
    }))
    .sort((a, b) => b.names - a.names)
  const [owner] = rule.authority.certified === undefined ? [] : rule.authority.signers
  return {
    selector: rule.policy.name,
    maxFiles: rule.maxFiles,
    ...(owner === undefined ? {} : { owner }),
    uses: uses.slice(0, MAX_USES_EXPLAINED),
  }
}

/** Why a name is as it is, beyond what its view says. */
export const explanationOf = (
  name: FileName,
  known: {
    readonly rules: Rules
    readonly refusals: readonly Refusal[]
    readonly catalogue: Pick<Catalogue, 'kept'>
    readonly quota: Pick<Quota, 'uses'>
  },
): FileExplanation => {
  const { rules, refusals, catalogue, quota } = known
  const rule = rules.get(name)
  if (rule === undefined) {
    const like = meant(name, rules.selectors)
    const all = notCovered(name, rules)
    return {
      ...{ refusals, setAside: [] },
      ...(like === undefined ? {} : { nearest: like }),
      ...(all === undefined ? {} : { notCovered: all }),
    }
  }
  return {
    ...{ selector: rule.policy.name, refusals, setAside: setAside(name, rule, catalogue) },
    ...(rule.pattern === undefined ? {} : { pattern: patternUse(name, rule, quota) }),
  }
}
