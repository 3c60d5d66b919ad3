import { publicKeyToBytes } from '../keys/index.ts'
import { digestFromBytes, sha256 } from '../util/index.ts'
import type { PublicKey } from '../keys/index.ts'
import type { NetworkId, SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'

/** Who may sign a name, and how many of them it takes. Pure: no clock and no memory takes part. */
export interface Authority {
  readonly signers: ReadonlySet<PublicKey>
  /** Signatures by different signers on one statement, at least. */
  readonly threshold: number
  /**
   * If there are any, a tombstone needs a signature by one of them, and so does an expiry other than
   * the one that they last set.
   */
  readonly deleteSigners: ReadonlySet<PublicKey>
  /** The one signer needs a certificate for this namespace by one of these network keys. */
  readonly certified?: {
    readonly network: NetworkId
    readonly namespace: string
    readonly networkKeys: ReadonlySet<PublicKey>
    /** Of the one signer: certificates issued before this (ms since the epoch), or all, are revoked. */
    readonly revoked?: 'all' | number
  }
}

/** Signers who together suffice for a statement, none of whom could be left out. */
export interface SignerSet {
  /** Sorted. */
  readonly keys: readonly PublicKey[]
  /**
   * For sets without a delete signer, where there are any: what they sign counts only while its
   * expiry is the current one, so that of each expiry the greatest has to be kept.
   */
  readonly expires?: string
}

const SLOT_LABEL = 'mesh-slot 1'

/** Subsets of `count` keys, in order. */
function* subsets(
  keys: readonly PublicKey[],
  count: number,
  from = 0,
): Iterable<readonly PublicKey[]> {
  if (count === 0) {
    yield []
    return
  }
  for (let at = from; at <= keys.length - count; at++) {
    const first = keys[at]
    if (first === undefined) return
    for (const rest of subsets(keys, count - 1, at + 1)) yield [first, ...rest]
  }
}

const mayDelete = (keys: readonly PublicKey[], { deleteSigners }: Authority): boolean =>
  keys.some((key) => deleteSigners.has(key))

function* setsOfContent(
  keys: readonly PublicKey[],
  expires: string,
  authority: Authority,
): Iterable<SignerSet> {
  const { signers, threshold, deleteSigners } = authority
  const deleters = keys.filter((key) => deleteSigners.has(key))
  const ours = keys.filter((key) => signers.has(key))
  for (const set of subsets(ours, threshold)) {
    if (deleteSigners.size === 0 || mayDelete(set, authority)) yield { keys: set }
    else {
      yield { keys: set, expires }
      for (const deleter of deleters) yield { keys: [...set, deleter].sort() }
    }
  }
}

function* setsOfTombstone(keys: readonly PublicKey[], authority: Authority): Iterable<SignerSet> {
  const { signers, threshold, deleteSigners } = authority
  const any = keys.filter((key) => signers.has(key) || deleteSigners.has(key))
  for (const set of subsets(any, threshold)) {
    if (deleteSigners.size === 0 || mayDelete(set, authority)) yield { keys: set }
  }
}

/** Whether the certificate that came with a statement has lost its right. */
export const isRevoked = (
  { certificate }: SignedStatement,
  { revoked }: NonNullable<Authority['certified']>,
): boolean =>
  revoked === 'all' ||
  (revoked !== undefined && certificate !== undefined && certificate.certificate.issued < revoked)

/**
 * Whether the certificate that came with the statement gives its one signer the namespace. Its own
 * signature is verified where it comes in; its end is the clock's business and decides only what is
 * shown.
 */
const isCertified = (
  signed: SignedStatement,
  certified: NonNullable<Authority['certified']>,
): boolean => {
  const { certificate, signatures } = signed
  const { network, namespace, networkKeys } = certified
  if (certificate === undefined || isRevoked(signed, certified)) return false
  return (
    networkKeys.has(certificate.signer) &&
    certificate.certificate.network === network &&
    certificate.certificate.namespaces.includes(namespace) &&
    signatures.length === 1 &&
    signatures[0]?.key === certificate.certificate.key
  )
}

/**
 * `signed` with what counts under this authority: entries by its keys only, and the certificate only
 * where one is asked for. `undefined` if nothing is left.
 */
export const countedBy = (
  signed: SignedStatement,
  authority: Authority,
): SignedStatement | undefined => {
  const { signers, deleteSigners, certified } = authority
  const counts = (key: PublicKey): boolean => signers.has(key) || deleteSigners.has(key)
  const signatures = signed.signatures.filter(({ key }) => counts(key))
  if (signatures.length === 0) return undefined
  const { certificate, ...rest } = signed
  if (certified === undefined) return { ...rest, signatures }
  const counted = { ...signed, signatures }
  return isCertified(counted, certified) ? counted : undefined
}

/**
 * All sets of its signers that suffice for a counted statement; none if it has too few signatures.
 * How many there can be is bounded by the configuration (`MAX_SIGNER_SETS`).
 */
export function* setsOf(
  { statement, signatures }: SignedStatement,
  authority: Authority,
): Iterable<SignerSet> {
  const keys = signatures.map(({ key }) => key)
  if (statement.content === 'deleted') yield* setsOfTombstone(keys, authority)
  else yield* setsOfContent(keys, `${statement.expires}`, authority)
}

export const suffices = (counted: SignedStatement, authority: Authority): boolean => {
  for (const _ of setsOf(counted, authority)) return true
  return false
}

/** Whether a delete signer is among those who signed; without any configured, everybody is one. */
export const isByDeleteSigner = (counted: SignedStatement, authority: Authority): boolean =>
  authority.deleteSigners.size === 0 ||
  mayDelete(
    counted.signatures.map(({ key }) => key),
    authority,
  )

/** Identifies a register. A single key stands for itself. */
export const slotOf = ({ keys, expires }: SignerSet, certifiedBy?: PublicKey): Digest => {
  const [only] = keys
  if (keys.length === 1 && only !== undefined && expires === undefined && !certifiedBy) {
    return digestFromBytes(publicKeyToBytes(only))
  }
  return sha256(`${SLOT_LABEL}\n${expires ?? certifiedBy ?? 'none'}\n${keys.join('\n')}\n`)
}
