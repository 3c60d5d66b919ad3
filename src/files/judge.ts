import { MeshError } from '../errors/index.ts'
import { formatPublicKey } from '../keys/index.ts'
import {
  compareStatements,
  recordId,
  verifyEntry,
  verifyStatementCertificate,
} from '../statement/index.ts'
import { countedBy, isByDeleteSigner, isRevoked, suffices } from './authority.ts'
import { equalBytes, formatDuration, formatSize, formatTimestamp } from '../util/index.ts'
import { MAX_TIME_AHEAD_MS, MAX_VERSION_JUMP, MAX_WHOLE_CONTENT_BYTES } from './limits.ts'
import { joinKept, standingOf } from './kept.ts'
import type { ErrorCode, ErrorData } from '../errors/index.ts'
import type { NetworkId, SignatureEntry, SignedStatement } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Kept, Standing } from './kept.ts'
import type { Rule } from './rules.ts'
import type { FilePolicy, FileRecord, Origin } from './types.ts'

/** What is known of the name when a statement for it comes in. */
export interface Case {
  readonly network: NetworkId
  readonly rule: Rule | undefined
  readonly kept: readonly Kept[]
  readonly nowMs: number
  /** Who uploads is told at once what would lose. `force` allows a jump of versions. */
  readonly from: {
    readonly kind: Origin['kind']
    readonly force?: boolean
    readonly expects?: Extract<Origin, { kind: 'upload' }>['expects']
  }
  /** Entries of this arrival that were verified by an earlier judgement; they are added to. */
  readonly verified?: Set<SignatureEntry>
}

/** The entries that count, and what they change. `added` is empty if nothing is new. */
export interface Judgement {
  readonly rule: Rule
  /** With the signatures that count only. */
  readonly signed: SignedStatement
  readonly added: readonly Kept[]
  /** Slots that are empty if it is taken in. */
  readonly removed: readonly Digest[]
  /** What is kept if it is taken in. */
  readonly after: readonly Kept[]
  /** What that comes to. */
  readonly standing: Standing
  /** What was there before comes to. */
  readonly before: Standing
  readonly wins: boolean
  /** The statement as it is kept, with all signatures known of it. */
  readonly record: FileRecord
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

const keyList = (signed: SignedStatement): string =>
  signed.signatures.map(({ key }) => formatPublicKey(key, 'openssh')).join(', ')

/** Why nothing of a statement counts. */
const nothingCounts = (given: SignedStatement, { authority, policy }: Rule): MeshError => {
  const data = { signers: keyList(given) }
  const owned = authority.certified
  if (owned !== undefined && given.signatures.some(({ key }) => authority.signers.has(key))) {
    if (isRevoked(given, owned)) {
      const why = 'a network key has revoked the node that signed it (_mesh/revoked)'
      return refusal('ERR_CERTIFICATE_REVOKED', given, why, data)
    }
    const why =
      given.certificate === undefined
        ? 'it has to bring the certificate of the node that signed it (mesh file update --certificate)'
        : `its certificate does not give its signer the namespace ${owned.namespace}, or is not signed by a network key that is configured here`
    return refusal('ERR_FILE_CERTIFICATE', given, why, data)
  }
  const why =
    owned === undefined
      ? 'none of its signers may sign this file here; compare the signers in the configuration'
      : `only the node whose key is in the name may sign in ${policy.name}`
  return refusal('ERR_FILE_SIGNER_NOT_ALLOWED', given, why, data)
}

/** How several sign one statement, in words that can be typed. */
const howToCosign = ({ statement: { name, content } }: SignedStatement): string => {
  const [make, path, upload] =
    content === 'deleted'
      ? [`delete ${name} --statement-only`, 'NAME.stmt', `delete ${name}`]
      : [`update PATH --name ${name} --statement-only`, 'PATH.stmt', `update PATH --name ${name}`]
  return `"mesh file ${make} --key …" makes a .stmt file, "mesh file sign ${path} --key …" adds one to it, and "mesh file ${upload} --statement ${path}" uploads it`
}

/** Why what counts of a statement is too little. */
const tooLittle = (signed: SignedStatement, { authority }: Rule): MeshError => {
  const { threshold } = authority
  const data = { signers: keyList(signed), threshold }
  if (!isByDeleteSigner(signed, authority) && signed.statement.content === 'deleted') {
    const why = 'deleting it needs a signature by one of its delete_signers'
    return refusal('ERR_FILE_SIGNER_NOT_ALLOWED', signed, why, data)
  }
  const counted =
    signed.statement.content === 'deleted'
      ? signed.signatures
      : signed.signatures.filter(({ key }) => authority.signers.has(key))
  if (counted.length === 0) {
    const why = 'it is signed by delete_signers only, who may delete but not publish'
    return refusal('ERR_FILE_SIGNER_NOT_ALLOWED', signed, why, data)
  }
  return refusal(
    'ERR_FILE_THRESHOLD',
    signed,
    `it has ${counted.length} of the ${threshold} signatures that it needs, by ${keyList(signed)}; ${howToCosign(signed)}`,
    { ...data, signatures: counted.length, missing: threshold - counted.length },
  )
}

/** Entries that count and suffice, each verified unless that has been done. */
const checkSignatures = (
  given: SignedStatement,
  rule: Rule,
  { kept, verified }: Case,
): SignedStatement => {
  const signed = countedBy(given, rule.authority)
  if (signed === undefined) throw nothingCounts(given, rule)
  for (const entry of signed.signatures) {
    if (verified?.has(entry) === true || isKept(kept, signed, entry)) continue
    if (!verifyEntry(signed, entry)) {
      throw refusal('ERR_SIGNATURE_INVALID', given, `the signature by ${entry.key} is wrong`, {
        signer: entry.key,
      })
    }
    verified?.add(entry)
  }
  const { certificate } = signed
  if (
    certificate !== undefined &&
    !kept.some((each) => each.signed.certificate?.text === certificate.text) &&
    !verifyStatementCertificate(certificate)
  ) {
    throw refusal('ERR_SIGNATURE_INVALID', given, 'the signature on its certificate is wrong', {
      signer: certificate.signer,
    })
  }
  if (!suffices(signed, rule.authority)) throw tooLittle(signed, rule)
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
      each.signed.id === id &&
      each.signed.signatures.some(
        (entry) => entry.key === key && equalBytes(entry.signature, signature),
      ),
  )

/** Tells an uploader what the mesh would silently never show. */
const checkUpload = (
  signed: SignedStatement,
  { nowMs, from }: Case,
  { authority, policy, minVersion }: Rule,
  before: Standing,
): void => {
  if (from.kind !== 'upload') return
  const { statement } = signed
  const winner = before.winner?.signed
  const unexpected = winner?.id === signed.id ? undefined : from.expects?.(before.winner)
  if (unexpected !== undefined) throw unexpected
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
  if (statement.version < minVersion) {
    throw refusal(
      'ERR_FILE_BELOW_MINIMUM',
      signed,
      `this node is configured with min_version = ${minVersion}; sign version ${minVersion} or higher`,
      { minVersion },
    )
  }
  checkExpiry(signed, authority, before)
  const current = Math.max(winner?.statement.version ?? 0, minVersion - 1)
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
  checkSize(signed, policy)
}

/** Largest content of this statement that a policy takes. */
const maxContentBytes = (
  { statement }: SignedStatement,
  { maxSizeBytes }: Pick<FilePolicy, 'maxSizeBytes'>,
): number =>
  statement.blocks === 'none' ? Math.min(maxSizeBytes, MAX_WHOLE_CONTENT_BYTES) : maxSizeBytes

export const isTooLarge = (
  signed: SignedStatement,
  policy: Pick<FilePolicy, 'maxSizeBytes'>,
): boolean => {
  const { content } = signed.statement
  return content !== 'deleted' && content.sizeBytes > maxContentBytes(signed, policy)
}

const checkSize = (signed: SignedStatement, policy: FilePolicy): void => {
  const { content } = signed.statement
  if (content === 'deleted' || !isTooLarge(signed, policy)) return
  const maxSizeBytes = maxContentBytes(signed, policy)
  const [size, limit] = [formatSize(content.sizeBytes), formatSize(maxSizeBytes)]
  const why =
    maxSizeBytes === policy.maxSizeBytes
      ? `${size} of content, and max_size allows ${limit}: raise it for this name in [files] on every node, or publish less`
      : `${size} of content, and ${limit} are allowed without a block list; "mesh file update" and "mesh file sign" make one`
  throw refusal('ERR_FILE_TOO_LARGE', signed, why, { sizeBytes: content.sizeBytes, maxSizeBytes })
}

/** Only delete signers change the expiry, where there are any. */
const checkExpiry = (
  signed: SignedStatement,
  authority: Rule['authority'],
  before: Standing,
): void => {
  const { expires } = before
  const { statement } = signed
  if (expires === undefined || statement.expires === expires) return
  if (isByDeleteSigner(signed, authority)) return
  const current = expires === 'never' ? expires : formatTimestamp(expires)
  throw refusal(
    'ERR_FILE_SIGNER_NOT_ALLOWED',
    signed,
    `its expiry is ${expiryText(signed)}, the current one is ${current}; changing it needs a signature by one of its delete_signers`,
    { signers: keyList(signed), expires: current },
  )
}

const expiryText = ({ statement }: SignedStatement): string =>
  statement.expires === 'never' ? 'never' : formatTimestamp(statement.expires)

/** When it ends: by itself, or with the certificate that it is signed under. */
export const endOf = ({ statement, certificate }: SignedStatement): number | 'never' => {
  const { expires } = statement
  if (certificate === undefined) return expires
  const end = certificate.certificate.expires
  return expires === 'never' ? end : Math.min(expires, end)
}

export const isExpired = (signed: SignedStatement, nowMs: number): boolean => {
  const end = endOf(signed)
  return end !== 'never' && end <= nowMs
}

export interface ContentRef {
  readonly digest: Digest
  readonly sizeBytes: number
  /** Digest of its block list, as it was signed. */
  readonly blocks: Digest | 'none'
}

/** Whether the content of this statement is to be had and shown here, by clock, version and size. */
export const wantsContent = (
  signed: SignedStatement,
  { policy, minVersion }: Rule,
  nowMs: number,
): ContentRef | undefined => {
  const { content, version } = signed.statement
  if (version < minVersion) return undefined
  if (content === 'deleted' || isExpired(signed, nowMs)) return undefined
  if (isTooLarge(signed, policy)) return undefined
  return { ...content, blocks: signed.statement.blocks }
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
  const before = standingOf(kept, rule.authority)
  checkUpload(signed, circumstances, rule, before)
  const { added, removed, after } = joinKept(kept, signed, rule.authority)
  const standing = added.length === 0 ? before : standingOf(after, rule.authority)
  const { winner, records } = standing
  const wins = winner?.signed.id === signed.id
  const record = (wins ? winner : records.find((each) => each.signed.id === signed.id)) ?? {
    id: recordId(signed),
    signed,
  }
  return { rule, signed, added, removed, after, standing, before, wins, record }
}
