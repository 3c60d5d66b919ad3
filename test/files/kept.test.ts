/** The heart: what is kept forgets in which order, and how often, things arrived. */
import fc from 'fast-check'
import t from 'tap'
import {
  advances,
  recordsOf,
  retainedContent,
  signedBy,
  winnerOf,
  withKept,
} from '../../src/files/kept.ts'
import {
  createSignedStatement,
  encodeStatement,
  MAX_SIGNATURES,
} from '../../src/statement/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { keys, NAME, network, START_MS } from './world.ts'
import type { Kept } from '../../src/files/kept.ts'
import type { PublicKey } from '../../src/keys/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

const signers = [keys.anna, keys.bert, keys.cleo].map(({ publicKey }) => publicKey)
const all = new Set(signers)

/** Signatures are not looked at here, so any 64 bytes will do. */
const statement = (
  version: number,
  time: number,
  text: string | null,
  by: readonly PublicKey[],
): SignedStatement =>
  createSignedStatement(
    encodeStatement({
      network,
      name: NAME,
      version,
      time: (START_MS + time) as Timestamp,
      expires: 'never',
      replaces: 'none',
      blocks: 'none',
      content: text === null ? 'deleted' : { digest: sha256(text), sizeBytes: text.length },
    }),
    by.map((key) => ({ key, signature: new Uint8Array(64) })),
  )

const arrivals = fc.array(
  fc
    .tuple(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 1 }),
      fc.constantFrom('a', 'b', null),
      fc.subarray(signers, { minLength: 1 }),
    )
    .map((parts) => statement(...parts)),
  { minLength: 1, maxLength: 12 },
)
const allowed = fc.subarray(signers, { minLength: 1 }).map((some) => new Set(some))

/** What is kept after these arrivals, judged by one policy. */
const arrive = (
  given: readonly SignedStatement[],
  policy: ReadonlySet<PublicKey>,
  kept: readonly Kept[] = [],
): readonly Kept[] =>
  given.reduce<readonly Kept[]>((before, each) => {
    const signed = signedBy(each, policy)
    return signed === undefined ? before : withKept(before, advances(before, signed))
  }, kept)

const outcome = (kept: readonly Kept[], policy: ReadonlySet<PublicKey>): unknown => ({
  kept: kept.map(({ key, signed }) => `${key} ${signed.id}`).sort(),
  records: recordsOf(kept, policy)
    .map(({ id }) => id)
    .sort(),
  winner: winnerOf(kept, policy)?.id,
  retained: [...retainedContent(kept, winnerOf(kept, policy)?.signed)].sort(),
})

t.test('is the same for every order and repetition of arrivals', async () => {
  fc.assert(
    fc.property(
      arrivals.chain((given) =>
        fc.tuple(
          fc.constant(given),
          fc.shuffledSubarray([...given, ...given], { minLength: 2 * given.length }),
        ),
      ),
      allowed,
      ([given, shuffled], policy) => {
        const first = outcome(arrive(given, policy), policy)
        const second = outcome(arrive(shuffled, policy), policy)
        return JSON.stringify(first) === JSON.stringify(second)
      },
    ),
    { numRuns: 500 },
  )
})

t.test('is the same when nodes only tell each other what they keep', async () => {
  fc.assert(
    fc.property(arrivals, arrivals, allowed, (here, there, policy) => {
      const a = arrive(here, policy)
      const b = arrive(there, policy)
      const toB = recordsOf(a, policy).map(({ signed }) => signed)
      const toA = recordsOf(b, policy).map(({ signed }) => signed)
      const merged = outcome(arrive([...here, ...there], policy), policy)
      return [
        outcome(arrive(toA, policy, a), policy),
        outcome(arrive(toB, policy, b), policy),
      ].every((each) => JSON.stringify(each) === JSON.stringify(merged))
    }),
    { numRuns: 500 },
  )
})

t.test('lets the greatest statement of an allowed signer win, whatever else is kept', async () => {
  fc.assert(
    fc.property(arrivals, allowed, (given, policy) => {
      const kept = arrive(given, all)
      const winner = winnerOf(kept, policy)?.signed
      const versions = kept
        .filter(({ key }) => policy.has(key))
        .map(({ signed }) => signed.statement.version)
      return winner === undefined
        ? versions.length === 0
        : winner.statement.version === Math.max(...versions) &&
            winner.signatures.every(({ key }) => policy.has(key))
    }),
  )
})

t.test('never has more signatures in a record than a statement may', async (t) => {
  const many = Array.from({ length: 40 }, (_, index) =>
    sha256(String(index)),
  ) as string[] as PublicKey[]
  const kept = many.map((key) => ({ key, signed: statement(1, 0, 'a', [key]) }))
  const records = recordsOf(kept, new Set(many))
  t.same(
    records.map(({ signed }) => signed.signatures.length),
    [MAX_SIGNATURES, MAX_SIGNATURES, 40 - 2 * MAX_SIGNATURES],
  )
  t.equal(new Set(records.map(({ id }) => id)).size, 3)
  t.same(
    records.flatMap(({ signed }) => signed.signatures.map(({ key }) => key)),
    many.toSorted(),
  )
  t.equal(winnerOf(kept, new Set(many))?.signed.signatures.length, MAX_SIGNATURES)
})
