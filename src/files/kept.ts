import { compareStatements, MAX_SIGNATURES, recordId } from '../statement/index.ts'
import type { PublicKey } from '../keys/index.ts'
import type { SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { FileRecord } from './types.ts'

/*
 * What decides about one name: for each signer the greatest statement it signed. This only grows
 * (in the order of statements) and forgets arrival order, so that nodes which have seen the same
 * statements keep the same, and everything below is a pure function of it and of the policy.
 */

/** The greatest statement of one signer; `signed` carries that signer's signature alone. */
export interface Kept {
  readonly key: PublicKey
  readonly signed: SignedStatement
}

type Allowed = ReadonlySet<PublicKey>

/** `signed` with the entries by these signers only, or `undefined` if there are none. */
export const signedBy = (
  signed: SignedStatement,
  allowed: Allowed,
): SignedStatement | undefined => {
  const signatures = signed.signatures.filter(({ key }) => allowed.has(key))
  return signatures.length === 0 ? undefined : { ...signed, signatures }
}

/** Those of its signers for whom `signed` is greater than what is kept. */
export const advances = (kept: readonly Kept[], signed: SignedStatement): Kept[] =>
  signed.signatures.flatMap((entry) => {
    const before = kept.find(({ key }) => key === entry.key)
    if (before !== undefined && compareStatements(signed, before.signed) <= 0) return []
    return [{ key: entry.key, signed: { ...signed, signatures: [entry] } }]
  })

/** What is kept after `added`, each of which is greater than what its signer had. */
export const withKept = (kept: readonly Kept[], added: readonly Kept[]): Kept[] => {
  const replaced = new Set(added.map(({ key }) => key))
  return [...kept.filter(({ key }) => !replaced.has(key)), ...added]
}

const byKey = (a: Kept, b: Kept): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)

const recordOf = (signed: SignedStatement): FileRecord => ({ id: recordId(signed), signed })

/** The records of one statement: its signers in order, as many in each as a record may have. */
const recordsOfStatement = (same: readonly Kept[]): FileRecord[] => {
  const sorted = [...same].sort(byKey)
  const records: FileRecord[] = []
  for (let at = 0; at < sorted.length; at += MAX_SIGNATURES) {
    const group = sorted.slice(at, at + MAX_SIGNATURES)
    const first = group[0]
    if (first === undefined) continue
    const signatures = group.flatMap(({ signed }) => signed.signatures)
    records.push(recordOf({ ...first.signed, signatures }))
  }
  return records
}

const byStatement = (kept: readonly Kept[]): Map<Digest, Kept[]> => {
  const groups = new Map<Digest, Kept[]>()
  for (const each of kept) {
    const group = groups.get(each.signed.id)
    if (group === undefined) groups.set(each.signed.id, [each])
    else group.push(each)
  }
  return groups
}

const allowedOf = (kept: readonly Kept[], allowed: Allowed): Kept[] =>
  kept.filter(({ key }) => allowed.has(key))

/** What replicates under a policy: every statement that is some allowed signer's greatest. */
export const recordsOf = (kept: readonly Kept[], allowed: Allowed): FileRecord[] =>
  [...byStatement(allowedOf(kept, allowed)).values()].flatMap(recordsOfStatement)

/** `signed` as a record of what these signers signed, or `undefined` if none of them did. */
export const recordBy = (signed: SignedStatement, allowed: Allowed): FileRecord | undefined => {
  const counted = signedBy(signed, allowed)
  return counted === undefined ? undefined : recordOf(counted)
}

/** The record of one statement, if it is kept for an allowed signer. */
export const recordOfStatement = (
  kept: readonly Kept[],
  allowed: Allowed,
  id: Digest,
): FileRecord | undefined =>
  recordsOfStatement(allowedOf(kept, allowed).filter(({ signed }) => signed.id === id))[0]

/** The greatest statement that an allowed signer signed. */
export const winnerOf = (kept: readonly Kept[], allowed: Allowed): FileRecord | undefined => {
  const greatest = greatestOf(allowedOf(kept, allowed))
  return greatest === undefined ? undefined : recordOfStatement(kept, allowed, greatest.id)
}

const greatestOf = (kept: readonly Kept[]): SignedStatement | undefined =>
  kept.reduce<SignedStatement | undefined>(
    (best, { signed }) =>
      best === undefined || compareStatements(signed, best) > 0 ? signed : best,
    undefined,
  )

/** Whether allowed signers disagree: another statement has the winner's version. */
export const hasConflict = (
  kept: readonly Kept[],
  allowed: Allowed,
  winner: SignedStatement | undefined,
): boolean =>
  winner !== undefined &&
  allowedOf(kept, allowed).some(
    ({ signed }) =>
      signed.statement.version === winner.statement.version && signed.id !== winner.id,
  )

/** Statements above the winner that no allowed signer signed: what a change of keys set aside. */
export const setAsideAbove = (
  kept: readonly Kept[],
  allowed: Allowed,
  winner: SignedStatement | undefined,
): Kept[] =>
  kept.filter(
    ({ key, signed }) =>
      !allowed.has(key) && (winner === undefined || compareStatements(signed, winner) > 0),
  )

/**
 * Content that may still be wanted: the winner's, and that of statements above it which are set
 * aside now and return when a reload is taken back.
 */
export const retainedContent = (
  kept: readonly Kept[],
  winner: SignedStatement | undefined,
): Set<Digest> =>
  new Set(
    kept.flatMap(({ signed }) => {
      const { content } = signed.statement
      const below = winner !== undefined && compareStatements(signed, winner) < 0
      return content === 'deleted' || below ? [] : [content.digest]
    }),
  )
