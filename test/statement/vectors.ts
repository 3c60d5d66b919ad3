/** The golden statements, and what the tests of this folder share. */
import fc from 'fast-check'
import { decodeStatement, parseFileName, parseNetworkId } from '../../src/statement/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { alice, bob, readVectors } from '../keys/vectors.ts'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { FileName, NetworkId, Statement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

export interface StatementVectors {
  readonly accepted: readonly {
    readonly why: string
    readonly text: string
    readonly id: string
    readonly armored: readonly string[]
    /** The whole file, for a namespace. */
    readonly certificate?: string
    readonly signers: readonly string[]
    readonly recordId: string
    readonly binary: string
    readonly file: string
  }[]
  readonly refused: readonly {
    readonly why: string
    readonly text: string
    readonly line?: number
  }[]
}

export const statementVectors = readVectors('statement') as StatementVectors

/** The text of a plain first version. */
export const plainText = statementVectors.accepted[0]?.text ?? ''
export const plain: Statement = decodeStatement(plainText)

/** The private key of a golden signer. */
export const signerOf = (publicKey: string): PrivateKey => {
  const key = [alice, bob].find((each) => each.publicKey === publicKey)
  if (key === undefined) throw new Error(`no vector is signed by ${publicKey}`)
  return key
}

const integer = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  fc.oneof(fc.integer({ min, max }), fc.integer({ min, max: Math.min(max, min + 3) }))

const namePart: fc.Arbitrary<string> = fc
  .stringMatching(/^[A-Za-z0-9_.:][A-Za-z0-9_.:-]{0,20}$/)
  .filter((part) => part !== '.' && part !== '..')

export const fileNames: fc.Arbitrary<FileName> = fc
  .array(namePart, { minLength: 1, maxLength: 5 })
  .map((parts) => parseFileName(parts.join('/')))

const networkIds: fc.Arbitrary<NetworkId> = fc
  .stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/)
  .map(parseNetworkId)

const times = fc
  .date({
    min: new Date('0000-01-01T00:00:00.000Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  .map((date) => date.getTime() as Timestamp)

const digests = fc.string().map((text) => sha256(text))
const optionalDigest = fc.oneof(fc.constant('none' as const), digests)
const shared = { network: networkIds, name: fileNames, version: integer(1), time: times }

/** Every statement that the rules allow. */
export const statements: fc.Arbitrary<Statement> = fc.oneof(
  fc.record<Statement>({
    ...shared,
    expires: fc.oneof(fc.constant('never' as const), times),
    replaces: optionalDigest,
    content: fc.record({ digest: digests, sizeBytes: integer(0, 64 * 2 ** 30) }),
    blocks: optionalDigest,
  }),
  fc.record<Statement>({
    ...shared,
    expires: fc.constant('never'),
    replaces: optionalDigest,
    content: fc.constant('deleted'),
    blocks: fc.constant('none'),
  }),
)
