/** Who signs in a simulation, and what the machines are configured for. */
import { blockListDigest, createChunker, MIN_LISTED_CONTENT_BYTES } from '../../src/chunk/index.ts'
import { privateKeyFromSeed } from '../../src/keys/index.ts'
import { parseFileName, signStatement } from '../../src/statement/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { network } from './machine.ts'
import type { FilePolicy } from '../../src/files/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Digest, Timestamp } from '../../src/util/index.ts'

/** `eve` is allowed nowhere. */
export const SIGNERS = ['anna', 'bert', 'cleo', 'dave', 'eve'] as const
export type Signer = (typeof SIGNERS)[number]

const keys = new Map(
  SIGNERS.map((signer, index) => [signer, privateKeyFromSeed(new Uint8Array(32).fill(index + 1))]),
)
export const keyOf = (signer: Signer) => {
  const key = keys.get(signer)
  if (key === undefined) throw new RangeError(`there is no signer ${signer}`)
  return key
}

export const NAMES = ['a', 'b', 'c', 'etc/d', 'etc/e', 'f'] as const
/** Takes two signers. */
export const SHARED = 'shared'
/** Whom it takes to delete {@link GUARDED}, or to change when it ends. */
const GUARD: Signer = 'cleo'
export const GUARDED = 'guarded'
/** What seeds draw from. */
export const SEED_NAMES = [...NAMES, GUARDED, SHARED] as const
const MAX_SIZE_BYTES = 2 ** 21

/** What one machine is told to want, and from whom. */
export interface Wanted {
  readonly names: readonly string[]
  readonly signers: readonly Signer[]
}

export const policiesOf = ({ names, signers }: Wanted): FilePolicy[] =>
  names.map((name) => ({
    name: parseFileName(name),
    signers: signers.map((signer) => keyOf(signer).publicKey),
    ...(name === SHARED ? { threshold: 2 } : {}),
    ...(name === GUARDED ? { deleteSigners: [keyOf(GUARD).publicKey] } : {}),
    maxSizeBytes: MAX_SIZE_BYTES,
    mode: 0o644,
  }))

const listDigestOf = (content: Uint8Array): Digest => {
  const chunker = createChunker()
  chunker.update(content)
  return blockListDigest(chunker.end().list)
}

export interface Draft {
  readonly name: string
  readonly version: number
  readonly timeMs: number
  readonly expiresMs?: number
  /** `undefined`: a tombstone. */
  readonly content: Uint8Array | undefined
  readonly by: readonly Signer[]
}

export const signDraft = async (draft: Draft): Promise<SignedStatement> => {
  const { name, version, timeMs, expiresMs, content, by } = draft
  return signStatement(
    {
      network,
      name: parseFileName(name),
      version,
      time: Math.floor(timeMs) as Timestamp,
      expires: expiresMs === undefined ? 'never' : (Math.floor(expiresMs) as Timestamp),
      replaces: 'none',
      content:
        content === undefined ? 'deleted' : { digest: sha256(content), sizeBytes: content.length },
      // As the command does it.
      blocks:
        content === undefined || content.length < MIN_LISTED_CONTENT_BYTES
          ? 'none'
          : listDigestOf(content),
    },
    by.map(keyOf),
  )
}

/** The same statement by somebody else as well. */
export const cosign = (
  { statement }: SignedStatement,
  by: readonly Signer[],
): Promise<SignedStatement> => signStatement(statement, by.map(keyOf))

/** Sets of these signers of whose statements a machine keeps the greatest. */
export const setsThatCount = (
  { statement: { name, content } }: SignedStatement,
  signers: readonly Signer[],
): readonly (readonly Signer[])[] => {
  if (name === SHARED) {
    return signers.flatMap((one, index) => signers.slice(index + 1).map((other) => [one, other]))
  }
  if (name === GUARDED && content === 'deleted') return signers.includes(GUARD) ? [[GUARD]] : []
  return signers.map((signer) => [signer])
}

/** Why a statement that is shown should not be; `undefined`: those who signed it suffice. */
export const whyTooFew = (signed: SignedStatement): string | undefined => {
  const { name, content } = signed.statement
  const signers = signersOf(signed, SIGNERS)
  if (name === SHARED && signers.length < 2) return `by ${signers} alone`
  const isDeleted = name === GUARDED && content === 'deleted'
  return isDeleted && !signers.includes(GUARD)
    ? `deleted by ${signers}, without ${GUARD}`
    : undefined
}

/** Who of these signed. */
export const signersOf = (signed: SignedStatement, among: readonly Signer[]): Signer[] =>
  among.filter((signer) => signed.signatures.some(({ key }) => key === keyOf(signer).publicKey))
