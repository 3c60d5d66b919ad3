import {
  compareCertificates,
  compareStatements,
  MAX_SIGNATURES,
  recordId,
} from '../statement/index.ts'
import { countedBy, isByDeleteSigner, setsOf, slotOf, suffices } from './authority.ts'
import { MAX_EXPIRIES_PER_SIGNER_SET } from './limits.ts'
import type { PublicKey } from '../keys/index.ts'
import type { SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Authority, SignerSet } from './authority.ts'
import type { FileRecord } from './types.ts'

/*
 * What decides about one name is a set of registers, one for each set of signers that suffices: each
 * holds the greatest statement that this set signed. Registers only grow (in the order of
 * statements) and forget the order of arrival, so that nodes which have seen the same keep the same,
 * and everything below is a pure function of them and of the policy. docs/decisions has the why.
 */

/** One register. `signed` has exactly the signatures of the set, in its order. */
export interface Kept {
  readonly slot: Digest
  readonly signed: SignedStatement
}

const keysOf = ({ signatures }: SignedStatement): string =>
  signatures.map(({ key }) => key).join(' ')

/** Whose register it is, whatever the expiry: what `max_files` counts by. */
export const ownerOf = ({ signed }: Kept): string => keysOf(signed)

const restrictedTo = (signed: SignedStatement, keys: readonly PublicKey[]): SignedStatement => ({
  ...signed,
  signatures: signed.signatures.filter(({ key }) => keys.includes(key)),
})

const greater = (a: SignedStatement, b: SignedStatement | undefined): boolean =>
  b === undefined || compareStatements(a, b) > 0

/** The greater statement with the greater certificate: they grow apart from each other. */
const merged = (before: SignedStatement, after: SignedStatement): SignedStatement => {
  const [best, other] = greater(after, before) ? [after, before] : [before, after]
  if (best.certificate === undefined || other.certificate === undefined) return best
  return compareCertificates(best.certificate, other.certificate) >= 0
    ? best
    : { ...best, certificate: other.certificate }
}

const isSame = (a: SignedStatement, b: SignedStatement): boolean =>
  a.id === b.id && a.certificate?.text === b.certificate?.text

/** What a statement changes about the registers of its name. */
export interface Join {
  readonly added: readonly Kept[]
  /** Slots of registers that others have pushed out. */
  readonly removed: readonly Digest[]
  readonly after: readonly Kept[]
}

const bySlot = (kept: readonly Kept[]): Map<Digest, Kept> =>
  new Map(kept.map((each) => [each.slot, each]))

/**
 * Registers without a delete signer that are one too many: a signer who invents expiries pushes out
 * nothing but its own.
 */
const crowdedOut = (registers: ReadonlyMap<Digest, Kept>, sets: readonly SignerSet[]): Digest[] =>
  sets.flatMap(({ keys, expires }) => {
    if (expires === undefined) return []
    const owner = keys.join(' ')
    const same = [...registers.values()].filter(
      (each) => ownerOf(each) === owner && each.slot !== slotOf({ keys }),
    )
    if (same.length <= MAX_EXPIRIES_PER_SIGNER_SET) return []
    same.sort((a, b) => compareStatements(b.signed, a.signed))
    return same.slice(MAX_EXPIRIES_PER_SIGNER_SET).map(({ slot }) => slot)
  })

/** Takes a counted statement into the registers of all its sets. */
export const joinKept = (
  kept: readonly Kept[],
  counted: SignedStatement,
  authority: Authority,
): Join => {
  const registers = bySlot(kept)
  const sets = [...setsOf(counted, authority)]
  const added = new Map<Digest, Kept>()
  for (const set of sets) {
    const slot = slotOf(set, counted.certificate?.signer)
    const before = registers.get(slot)?.signed
    const piece = restrictedTo(counted, set.keys)
    const signed = before === undefined ? piece : merged(before, piece)
    if (before !== undefined && isSame(before, signed)) continue
    const register = { slot, signed }
    registers.set(slot, register)
    added.set(slot, register)
  }
  if (added.size === 0) return { added: [], removed: [], after: kept }
  const removed: Digest[] = []
  for (const slot of new Set(crowdedOut(registers, sets))) {
    registers.delete(slot)
    // What came and is too much already changes nothing.
    if (!added.delete(slot)) removed.push(slot)
    else if (kept.some((each) => each.slot === slot)) removed.push(slot)
  }
  if (added.size === 0) return { added: [], removed: [], after: kept }
  return { added: [...added.values()], removed, after: [...registers.values()] }
}

/** What the registers come to under one policy. */
export interface Standing {
  /** The greatest statement that counts. */
  readonly winner: FileRecord | undefined
  /** What replicates: every statement that some sufficient set of signers has as its greatest. */
  readonly records: readonly FileRecord[]
  /** Whether another statement that counts has the winner's version. */
  readonly conflict: boolean
  /** Statements above the winner that do not count: what a change of the configuration set aside. */
  readonly above: readonly Kept[]
  /** The expiry that statements without a delete signer must have; `undefined`: any. */
  readonly expires: SignedStatement['statement']['expires'] | undefined
}

/** Every statement once, with all signatures known of it that count and the greatest certificate. */
const byStatement = (kept: readonly Kept[], authority: Authority): Map<Digest, SignedStatement> => {
  const whole = new Map<Digest, SignedStatement>()
  for (const each of kept) {
    const signed = countedBy(each.signed, authority)
    if (signed === undefined) continue
    const before = whole.get(signed.id)
    whole.set(signed.id, before === undefined ? signed : unionOf(before, signed))
  }
  return whole
}

const unionOf = (a: SignedStatement, b: SignedStatement): SignedStatement => {
  const known = new Set(a.signatures.map(({ key }) => key))
  const signatures = [...a.signatures, ...b.signatures.filter(({ key }) => !known.has(key))]
  signatures.sort((x, y) => (x.key < y.key ? -1 : 1))
  return { ...merged(a, b), signatures }
}

/** The greatest certificate of all goes with every statement of the one signer. */
const withCertificate = (whole: Map<Digest, SignedStatement>): void => {
  let best: SignedStatement['certificate']
  for (const { certificate } of whole.values()) {
    if (certificate === undefined) return
    if (best === undefined || compareCertificates(certificate, best) > 0) best = certificate
  }
  if (best === undefined) return
  for (const [id, signed] of whole) whole.set(id, { ...signed, certificate: best })
}

/** Records of one statement: its signers in order, as many in each as a record may have. */
const recordsOfStatement = (
  signed: SignedStatement,
  holders: ReadonlySet<PublicKey>,
): FileRecord[] => {
  const signatures = signed.signatures.filter(({ key }) => holders.has(key))
  const records: FileRecord[] = []
  for (let at = 0; at < signatures.length; at += MAX_SIGNATURES) {
    const some = { ...signed, signatures: signatures.slice(at, at + MAX_SIGNATURES) }
    records.push({ id: recordId(some), signed: some })
  }
  return records
}

interface Register {
  readonly set: SignerSet
  readonly signed: SignedStatement
}

const registersOf = (
  whole: ReadonlyMap<Digest, SignedStatement>,
  authority: Authority,
): readonly Register[] => {
  const registers = new Map<Digest, Register>()
  for (const signed of whole.values()) {
    for (const set of setsOf(signed, authority)) {
      const slot = slotOf(set)
      if (greater(signed, registers.get(slot)?.signed)) registers.set(slot, { set, signed })
    }
  }
  if (authority.deleteSigners.size === 0) return [...registers.values()]
  const groups = Map.groupBy(registers.values(), ({ set }) =>
    set.expires === undefined ? '' : set.keys.join(' '),
  )
  return [...groups].flatMap(([owner, group]) =>
    owner === ''
      ? group
      : group
          .sort((a, b) => compareStatements(b.signed, a.signed))
          .slice(0, MAX_EXPIRIES_PER_SIGNER_SET),
  )
}

const greatestOf = (statements: Iterable<SignedStatement>): SignedStatement | undefined => {
  let best: SignedStatement | undefined
  for (const signed of statements) if (greater(signed, best)) best = signed
  return best
}

/** The expiry that delete signers last set. */
const currentExpiry = (
  statements: readonly SignedStatement[],
  authority: Authority,
): Standing['expires'] => {
  if (authority.deleteSigners.size === 0) return undefined
  const authorised = statements.filter((signed) => isByDeleteSigner(signed, authority))
  return greatestOf(authorised)?.statement.expires ?? 'never'
}

/** What the registers come to. The one place that decides which statement wins. */
export const standingOf = (kept: readonly Kept[], authority: Authority): Standing => {
  const whole = byStatement(kept, authority)
  withCertificate(whole)
  const holders = new Map<Digest, Set<PublicKey>>()
  for (const { set, signed } of registersOf(whole, authority)) {
    const keys = holders.get(signed.id) ?? new Set()
    for (const key of set.keys) keys.add(key)
    holders.set(signed.id, keys)
  }
  const held = [...whole.values()].filter(({ id }) => holders.has(id))
  const records = held.flatMap((signed) =>
    recordsOfStatement(signed, holders.get(signed.id) ?? new Set()),
  )
  const expires = currentExpiry(held, authority)
  const valid = held.filter(
    (signed) =>
      expires === undefined ||
      signed.statement.expires === expires ||
      isByDeleteSigner(signed, authority),
  )
  const best = greatestOf(valid)
  const isEnough = (signed: SignedStatement | undefined): boolean =>
    signed !== undefined && suffices(signed, authority)
  return {
    winner: records.find(({ signed }) => signed.id === best?.id),
    records,
    conflict: valid.some(
      ({ id, statement }) => id !== best?.id && statement.version === best?.statement.version,
    ),
    above: kept.filter(({ signed }) => greater(signed, best) && !isEnough(whole.get(signed.id))),
    expires,
  }
}

/** `signed` as a record of what counts of it, or `undefined` if it is too little. */
export const recordBy = (signed: SignedStatement, authority: Authority): FileRecord | undefined => {
  const counted = countedBy(signed, authority)
  if (counted === undefined || !suffices(counted, authority)) return undefined
  return { id: recordId(counted), signed: counted }
}
