import { MeshError } from '../errors/index.ts'
import { compareStatements, verifyEntry } from '../statement/index.ts'
import { equalBytes, formatDuration, formatSize, formatTimestamp } from '../util/index.ts'
import { MAX_TIME_AHEAD_MS, MAX_VERSION_JUMP } from './limits.ts'
import { advances, signedBy, winnerOf, withKept } from './kept.ts'
import type { ErrorCode, ErrorData } from '../errors/index.ts'
import type { NetworkId, SignatureEntry, SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Kept } from './kept.ts'
import type { Rule } from './rules.ts'
import type { FileRecord, Origin } from './types.ts'

/** What is known of the name when a statement for it comes in. */
export interface Case {
  readonly network: NetworkId
  readonly rule: Rule | undefined
  readonly kept: readonly Kept[]
  readonly nowMs: number
  /** Who uploads is told at once what would lose. `force` allows a jump of versions. */
  readonly from: { readonly kind: Origin['kind']; readonly force?: boolean }
  /** Entries of this arrival that were verified by an earlier judgement; they are added to. */
  readonly verified?: Set<SignatureEntry>
}

/** The entries that count, and what they change. `added` is empty if nothing is new. */
export interface Judgement {
  readonly rule: Rule
  /** With the signatures of allowed signers only. */
  readonly signed: SignedStatement
  readonly added: readonly Kept[]
  /** What is kept if it is taken in. */
  readonly after: readonly Kept[]
  readonly winner: FileRecord
  readonly wins: boolean
}

const refusal = (
  code: ErrorCode,
  { statement }: SignedStatement,
  why: string,
  data: ErrorData = {},
): MeshError =>
  new MeshError(code, `${statement.name} version ${statement.version}: ${why}`, {
    data: { name: statement.name, version: statement.version, ...data },
  })

/** Entries by allowed signers, each verified unless that has been done. */
const checkSignatures = (
  given: SignedStatement,
  { allowed }: Rule,
  { kept, verified }: Case,
): SignedStatement => {
  const signed = signedBy(given, allowed)
  if (signed === undefined) {
    throw refusal(
      'ERR_FILE_SIGNER_NOT_ALLOWED',
      given,
      'none of its signers may sign this file here; compare the signers in the configuration',
    )
  }
  for (const entry of signed.signatures) {
    if (verified?.has(entry) === true || isKept(kept, signed, entry)) continue
    if (!verifyEntry(signed, entry)) {
      throw refusal('ERR_SIGNATURE_INVALID', given, `the signature by ${entry.key} is wrong`, {
        signer: entry.key,
      })
    }
    verified?.add(entry)
  }
  return signed
}

/** Whether the very same signature is kept, and so was verified when it came. */
const isKept = (
  kept: readonly Kept[],
  { id }: SignedStatement,
  { key, signature }: SignatureEntry,
): boolean =>
  kept.some(
    (each) =>
      each.key === key &&
      each.signed.id === id &&
      each.signed.signatures.some((entry) => equalBytes(entry.signature, signature)),
  )

/** Tells an uploader what the mesh would silently never show. */
const checkUpload = (
  signed: SignedStatement,
  { nowMs, from, kept }: Case,
  { allowed, policy }: Rule,
): void => {
  if (from.kind !== 'upload') return
  const { statement } = signed
  const winner = winnerOf(kept, allowed)?.signed
  if (winner !== undefined && winner.id !== signed.id) {
    const current = winner.statement.version
    // At the last number there is no higher one, and the time decides.
    const equalLoses = statement.version === current && current < Number.MAX_SAFE_INTEGER
    if (equalLoses || compareStatements(signed, winner) < 0) {
      throw refusal(
        'ERR_FILE_NOT_NEWER',
        signed,
        `version ${current} is here already; sign version ${Math.min(current + 1, Number.MAX_SAFE_INTEGER)}`,
        { currentVersion: current, currentId: winner.id },
      )
    }
  }
  if (winner?.id === signed.id) return
  const aheadMs = statement.time - nowMs
  if (aheadMs > MAX_TIME_AHEAD_MS) {
    const ahead = `its time is ${formatDuration(aheadMs)} ahead of this node's clock`
    throw refusal('ERR_FILE_TIME_AHEAD', signed, `${ahead}; check both clocks`, { aheadMs })
  }
  const current = winner?.statement.version ?? 0
  if (statement.version - current > MAX_VERSION_JUMP && from.force !== true) {
    throw refusal(
      'ERR_FILE_VERSION_JUMP',
      signed,
      `the current version is ${current}; if so large a step is meant, say so with --force (over HTTP: ?force=true)`,
      { currentVersion: current, currentId: winner?.id ?? null },
    )
  }
  if (isExpired(signed, nowMs)) {
    throw refusal('ERR_FILE_EXPIRED', signed, `it expired at ${expiryText(signed)}`)
  }
  const { content } = statement
  if (content !== 'deleted' && content.sizeBytes > policy.maxSizeBytes) {
    const [size, limit] = [formatSize(content.sizeBytes), formatSize(policy.maxSizeBytes)]
    throw refusal('ERR_FILE_TOO_LARGE', signed, `${size} of content, ${limit} are allowed`, {
      sizeBytes: content.sizeBytes,
      maxSizeBytes: policy.maxSizeBytes,
    })
  }
}

const expiryText = ({ statement }: SignedStatement): string =>
  statement.expires === 'never' ? 'never' : formatTimestamp(statement.expires)

export const isExpired = ({ statement }: SignedStatement, nowMs: number): boolean =>
  statement.expires !== 'never' && statement.expires <= nowMs

export interface ContentRef {
  readonly digest: Digest
  readonly sizeBytes: number
}

/** Whether the content of this statement is to be had and shown here, by clock and size. */
export const wantsContent = (
  signed: SignedStatement,
  { policy }: Rule,
  nowMs: number,
): ContentRef | undefined => {
  const { content } = signed.statement
  if (content === 'deleted' || isExpired(signed, nowMs)) return undefined
  return content.sizeBytes > policy.maxSizeBytes ? undefined : content
}

/**
 * Judges a statement before anything is stored and before any content is read: network, name,
 * signers and signatures for everybody; order, clock and size for uploads only, because between
 * peers those must not decide what is kept.
 *
 * @throws MeshError the reason for refusing it
 */
export const judge = (given: SignedStatement, circumstances: Case): Judgement => {
  const { network, rule, kept } = circumstances
  const { statement } = given
  if (statement.network !== network) {
    throw refusal(
      'ERR_FILE_NETWORK_MISMATCH',
      given,
      `it is for the network ${statement.network}, this one is ${network}`,
      { network },
    )
  }
  if (rule === undefined) {
    throw refusal('ERR_FILE_NOT_CONFIGURED', given, 'this node is not configured for this file')
  }
  const signed = checkSignatures(given, rule, circumstances)
  checkUpload(signed, circumstances, rule)
  const added = advances(kept, signed)
  const after = added.length === 0 ? kept : withKept(kept, added)
  const winner = winnerOf(after, rule.allowed)
  if (winner === undefined) throw new Error('an allowed signature leaves no winner')
  return { rule, signed, added, after, winner, wins: winner.signed.id === signed.id }
}
