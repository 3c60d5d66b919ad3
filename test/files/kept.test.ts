/** The heart: what is kept forgets in which order, how often, and in which pieces things arrived. */
import fc from 'fast-check'
import t from 'tap'
import { countedBy, suffices } from '../../src/files/authority.ts'
import { joinKept, standingOf } from '../../src/files/kept.ts'
import { MAX_EXPIRIES_PER_SIGNER_SET } from '../../src/files/limits.ts'
import {
  compareStatements,
  createSignedStatement,
  encodeStatement,
  MAX_SIGNATURES,
} from '../../src/statement/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { keys, NAME, network, START_MS } from './world.ts'
import type { Authority } from '../../src/files/authority.ts'
import type { Kept } from '../../src/files/kept.ts'
import type { PublicKey } from '../../src/keys/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

const [anna, bert, cleo] = [keys.anna.publicKey, keys.bert.publicKey, keys.cleo.publicKey]
const signers = [anna, bert, cleo]
const none: ReadonlySet<PublicKey> = new Set()

const authority = (
  given: readonly PublicKey[],
  threshold = 1,
  deleteSigners: readonly PublicKey[] = [],
): Authority => ({ signers: new Set(given), threshold, deleteSigners: new Set(deleteSigners) })

interface Draft {
  readonly version?: number
  readonly time?: number
  readonly text?: string | null
  readonly expires?: number | 'never'
  readonly by?: readonly PublicKey[]
}

/** Signatures are not looked at here, so any 64 bytes will do. */
const statement = ({
  version = 1,
  time = 0,
  text = 'a',
  expires = 'never',
  by = [anna],
}: Draft): SignedStatement =>
  createSignedStatement(
    encodeStatement({
      network,
      name: NAME,
      version,
      time: (START_MS + time) as Timestamp,
      expires: text === null || expires === 'never' ? 'never' : ((START_MS + expires) as Timestamp),
      replaces: 'none',
      blocks: 'none',
      content: text === null ? 'deleted' : { digest: sha256(text), sizeBytes: text.length },
    }),
    by.map((key) => ({ key, signature: new Uint8Array(64) })),
  )

const draft = fc.record({
  version: fc.integer({ min: 1, max: 4 }),
  time: fc.integer({ min: 0, max: 1 }),
  text: fc.constantFrom('a', 'b', null),
  expires: fc.constantFrom('never' as const, 1, 2),
  by: fc.subarray(signers, { minLength: 1 }),
})
const arrivals = fc.array(draft.map(statement), { minLength: 1, maxLength: 10 })
const policies = fc.constantFrom(
  authority(signers),
  authority([anna]),
  authority([bert, cleo]),
  authority(signers, 2),
  authority(signers, 3),
  authority([anna, bert], 2),
  authority([anna, bert], 1, [cleo]),
  authority(signers, 2, [cleo]),
  authority([anna, bert], 1, [bert, cleo]),
)

/** What is kept after these arrivals, judged by one policy. */
const arrive = (
  given: readonly SignedStatement[],
  policy: Authority,
  kept: readonly Kept[] = [],
): readonly Kept[] =>
  given.reduce<readonly Kept[]>((before, each) => {
    const counted = countedBy(each, policy)
    if (counted === undefined || !suffices(counted, policy)) return before
    return joinKept(before, counted, policy).after
  }, kept)

const fingerprint = (kept: readonly Kept[]): string =>
  kept
    .map(({ slot, signed }) => `${slot} ${signed.id} ${signed.signatures.map(({ key }) => key)}`)
    .sort()
    .join('\n')

const outcome = (kept: readonly Kept[], policy: Authority): string => {
  const { winner, records, conflict, expires } = standingOf(kept, policy)
  const ids = records.map(({ id }) => id).sort()
  return JSON.stringify({ winner: winner?.id, ids, conflict, expires })
}

const pieces = (kept: readonly Kept[]): SignedStatement[] => kept.map(({ signed }) => signed)

const shuffled = arrivals.chain((given) =>
  fc.tuple(
    fc.constant(given),
    fc.shuffledSubarray([...given, ...given], { minLength: 2 * given.length }),
  ),
)

t.test('is the same for every order and repetition of arrivals', async () => {
  fc.assert(
    fc.property(shuffled, policies, ([given, again], policy) => {
      const [first, second] = [arrive(given, policy), arrive(again, policy)]
      return (
        fingerprint(first) === fingerprint(second) &&
        outcome(first, policy) === outcome(second, policy)
      )
    }),
    { numRuns: 1000 },
  )
})

t.test('merges commutatively, associatively and idempotently', async () => {
  const merge = (a: readonly Kept[], b: readonly Kept[], policy: Authority): readonly Kept[] =>
    arrive(pieces(b), policy, a)
  fc.assert(
    fc.property(arrivals, arrivals, arrivals, policies, (one, two, three, policy) => {
      const a = arrive(one, policy)
      const b = arrive(two, policy)
      const c = arrive(three, policy)
      const ab = merge(a, b, policy)
      return (
        fingerprint(ab) === fingerprint(merge(b, a, policy)) &&
        fingerprint(merge(ab, c, policy)) === fingerprint(merge(a, merge(b, c, policy), policy)) &&
        fingerprint(merge(a, a, policy)) === fingerprint(a) &&
        fingerprint(merge(ab, a, policy)) === fingerprint(ab)
      )
    }),
    { numRuns: 1000 },
  )
})

t.test('agrees in the end when nodes only tell each other their records', async () => {
  fc.assert(
    fc.property(arrivals, arrivals, policies, (here, there, policy) => {
      let a = arrive(here, policy)
      let b = arrive(there, policy)
      for (let round = 0; outcome(a, policy) !== outcome(b, policy); round++) {
        if (round > 20) return false
        const records = (kept: readonly Kept[]): SignedStatement[] =>
          standingOf(kept, policy).records.map(({ signed }) => signed)
        const [toB, toA] = [records(a), records(b)]
        a = arrive(toA, policy, a)
        b = arrive(toB, policy, b)
      }
      const all = arrive([...here, ...there], policy)
      return standingOf(a, policy).winner?.signed.id === standingOf(all, policy).winner?.signed.id
    }),
    { numRuns: 1000 },
  )
})

t.test(
  'lets the greatest statement that enough signers signed win, whatever came when',
  async () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 3 }), (given, threshold) => {
        const policy = authority(signers, threshold)
        const enough = given.filter(({ signatures }) => signatures.length >= threshold)
        const greatest = enough.toSorted(compareStatements).at(-1)
        const { winner } = standingOf(arrive(given, policy), policy)
        return winner?.signed.id === greatest?.id
      }),
    )
  },
)

t.test('keeps what it needs to fall back to when a key is withdrawn', async () => {
  fc.assert(
    fc.property(arrivals, fc.constantFrom(...signers), (given, withdrawn) => {
      const before = authority(signers, 2)
      const after = authority(
        signers.filter((key) => key !== withdrawn),
        2,
      )
      const { winner } = standingOf(arrive(given, before), after)
      const { winner: fresh } = standingOf(arrive(given, after), after)
      // Greater where signatures that came in pieces are enough together.
      return (
        fresh === undefined ||
        (winner !== undefined && compareStatements(winner.signed, fresh.signed) >= 0)
      )
    }),
    { numRuns: 1000 },
  )
})

t.test('stands as before when a policy is taken back', async () => {
  fc.assert(
    fc.property(arrivals, arrivals, policies, policies, (given, more, first, second) => {
      const kept = arrive(given, first)
      const was = outcome(kept, first)
      // Judged by another policy nothing is lost, and nothing that comes meanwhile takes it away.
      const { winner } = standingOf(kept, first)
      const later = arrive(more, second, kept)
      const then = standingOf(later, first).winner
      const fell =
        winner !== undefined &&
        (then === undefined || compareStatements(then.signed, winner.signed) < 0)
      return outcome(kept, first) === was && (!fell || first.deleteSigners.size > 0)
    }),
    { numRuns: 1000 },
  )
})

t.test('merges signatures of one statement, and passes on what was learnt', async (t) => {
  const policy = authority(signers, 2)
  const first = arrive([statement({ by: [anna, bert] })], policy)
  const one = standingOf(first, policy)
  const second = arrive([statement({ by: [bert, cleo] })], policy, first)
  const two = standingOf(second, policy)
  t.same(
    two.winner?.signed.signatures.map(({ key }) => key),
    signers.toSorted(),
  )
  t.equal(two.winner?.signed.id, one.winner?.signed.id)
  t.not(two.winner?.id, one.winner?.id, 'a further signature is a new record')
  t.equal(two.records.length, 1)
})

t.test('counts nothing below the threshold, from whichever keys', async (t) => {
  const policy = authority([anna, bert], 2)
  t.same(arrive([statement({ by: [anna] }), statement({ by: [anna, cleo] })], policy), [])
  t.equal(arrive([statement({ by: [anna, bert, cleo] })], policy).length, 1)
})

t.test('lets nobody delete without a delete signer', async (t) => {
  const policy = authority([anna, bert], 1, [cleo])
  t.same(arrive([statement({ text: null, by: [anna, bert] })], policy), [])
  const kept = arrive([statement({}), statement({ version: 2, text: null, by: [cleo] })], policy)
  t.equal(standingOf(kept, policy).winner?.signed.statement.content, 'deleted')
  t.same(
    arrive([statement({ by: [cleo] })], policy),
    [],
    'and a delete signer alone does not publish',
  )
})

t.test('lets the threshold count for tombstones too', async (t) => {
  const policy = authority([anna, bert], 2, [cleo])
  t.same(arrive([statement({ text: null, by: [cleo] })], policy), [])
  t.equal(arrive([statement({ text: null, by: [anna, cleo] })], policy).length, 1)
})

t.test('lets nobody change the expiry without a delete signer, in any order', async (t) => {
  const policy = authority([anna, bert], 1, [cleo])
  const given = [
    statement({ version: 1 }),
    statement({ version: 2, expires: 1, by: [anna, cleo] }),
    statement({ version: 3, expires: 1 }),
    statement({ version: 4, expires: 2 }),
    statement({ version: 5 }),
  ]
  for (const order of [given, given.toReversed()]) {
    const standing = standingOf(arrive(order, policy), policy)
    t.equal(standing.winner?.signed.statement.version, 3)
    t.equal(standing.expires, START_MS + 1)
  }
  const late = standingOf(arrive(given.slice(2), policy), policy)
  t.equal(late.winner?.signed.statement.version, 5, 'never is current until somebody sets it')
})

t.test('a signer that invents expiries pushes out nothing of others', async (t) => {
  const policy = authority([anna, bert], 1, [cleo])
  const junk = Array.from({ length: 20 }, (_, index) =>
    statement({ version: 10 + index, expires: index + 1, by: [anna] }),
  )
  const kept = arrive([statement({ by: [bert] }), ...junk], policy)
  t.equal(kept.length, 1 + MAX_EXPIRIES_PER_SIGNER_SET)
  t.equal(standingOf(kept, policy).winner?.signed.statement.version, 1)
})

t.test('tells a conflict of statements that count from all others', async (t) => {
  const policy = authority(signers)
  const kept = arrive([statement({ text: 'a' }), statement({ text: 'b', by: [bert] })], policy)
  t.ok(standingOf(kept, policy).conflict)
  t.notOk(standingOf(kept, authority([anna])).conflict)
  t.equal(standingOf(kept, authority([cleo])).above.length, 2)
})

t.test('never has more signatures in a record than a statement may', async (t) => {
  const many = Array.from({ length: 40 }, (_, index) =>
    sha256(String(index)),
  ) as string[] as PublicKey[]
  const policy = { signers: new Set(many), threshold: 1, deleteSigners: none }
  const kept = arrive(
    many.map((key) => statement({ by: [key] })),
    policy,
  )
  const { records, winner } = standingOf(kept, policy)
  t.same(
    records.map(({ signed }) => signed.signatures.length),
    [MAX_SIGNATURES, MAX_SIGNATURES, 40 - 2 * MAX_SIGNATURES],
  )
  t.equal(new Set(records.map(({ id }) => id)).size, 3)
  t.same(
    records.flatMap(({ signed }) => signed.signatures.map(({ key }) => key)),
    many.toSorted(),
  )
  t.equal(winner?.signed.signatures.length, MAX_SIGNATURES)
})
