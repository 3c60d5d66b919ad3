import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { generatePrivateKey } from '../../src/keys/index.ts'
import {
  decodeCertificates,
  decodeHeartbeat,
  decodeRevocations,
  encodeCertificates,
  encodeHeartbeat,
  encodeRevocations,
  isRevokedBy,
  MAX_CERTIFICATES_FILE_BYTES,
  MAX_HEARTBEAT_BYTES,
  MAX_REVOKED_FILE_BYTES,
  MAX_REVOKED_KEYS,
  trustFiles,
} from '../../src/trust/index.ts'
import { isReservedName, parseNetworkId } from '../../src/statement/index.ts'
import { fromUtf8, systemRandom, utf8 } from '../../src/util/index.ts'
import { alice, bob, codeOf, edits, mutate, readVectors } from '../keys/vectors.ts'
import type { Revocation } from '../../src/trust/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

interface Case {
  readonly why: string
  readonly text: string
}
interface Vectors<T> {
  readonly accepted: readonly (Case & T)[]
  readonly refused: readonly (Case & { readonly code: string })[]
}
const vectors = readVectors('trust') as {
  readonly certificates: Vectors<{ readonly names: readonly string[] }>
  readonly revoked: Vectors<{ readonly revocations: readonly Revocation[] }>
  readonly heartbeat: Vectors<{ readonly versions: readonly [number, number] }>
}
const network = parseNetworkId('example')

const recodeCertificates = (bytes: Uint8Array): Uint8Array => {
  const list = decodeCertificates(bytes)
  return encodeCertificates(list.network, list.certificates.values())
}
const recodeRevocations = (bytes: Uint8Array): Uint8Array => {
  const list = decodeRevocations(bytes)
  return encodeRevocations(list.network, list.revocations.values())
}
const recodeHeartbeat = (bytes: Uint8Array): Uint8Array => encodeHeartbeat(decodeHeartbeat(bytes))

t.test('takes the golden lists of certificates', async (t) => {
  for (const { why, text, names } of vectors.certificates.accepted) {
    const list = decodeCertificates(utf8(text))
    t.equal(list.network, network)
    t.same(
      [...list.certificates.values()].map(({ certificate }) => certificate.name),
      names,
      why,
    )
    t.equal(fromUtf8(recodeCertificates(utf8(text))), text, why)
  }
})

t.test('takes the golden lists of revocations', async (t) => {
  for (const { why, text, revocations } of vectors.revoked.accepted) {
    const list = decodeRevocations(utf8(text))
    t.same([...list.revocations.values()], revocations, why)
    t.equal(fromUtf8(recodeRevocations(utf8(text))), text, why)
  }
})

t.test('takes the golden heartbeats', async (t) => {
  for (const { why, text, versions } of vectors.heartbeat.accepted) {
    const { certificates, revoked } = decodeHeartbeat(utf8(text))
    t.same([certificates, revoked], versions, why)
    t.equal(fromUtf8(recodeHeartbeat(utf8(text))), text, why)
  }
})

const codecs = [
  { name: 'certificates', recode: recodeCertificates, cases: vectors.certificates },
  { name: 'revocations', recode: recodeRevocations, cases: vectors.revoked },
  { name: 'heartbeats', recode: recodeHeartbeat, cases: vectors.heartbeat },
] as const

for (const { name, recode, cases } of codecs) {
  t.test(`refuses golden malformed ${name}, by name`, async (t) => {
    for (const { why, text, code } of cases.refused) {
      t.equal(
        codeOf(() => recode(utf8(text))),
        code,
        why,
      )
    }
  })

  t.test(`${name} near the format decode to what encodes the same, or are refused`, async () => {
    const base = utf8(cases.accepted.at(-1)?.text ?? '')
    fc.assert(
      fc.property(edits, (changes) => {
        const bytes = mutate(base, changes)
        try {
          return Buffer.from(recode(bytes)).equals(bytes)
        } catch (error) {
          return isMeshError(error, 'ERR_TRUST_MALFORMED')
        }
      }),
      { numRuns: 500 },
    )
  })
}

t.test('refuses bytes that are no text, and files above their limits', async (t) => {
  for (const { recode } of codecs) {
    t.equal(
      codeOf(() => recode(Uint8Array.of(0xff, 0xfe))),
      'ERR_TRUST_MALFORMED',
    )
  }
  const over = [
    () => decodeCertificates(new Uint8Array(MAX_CERTIFICATES_FILE_BYTES + 1)),
    () => decodeRevocations(new Uint8Array(MAX_REVOKED_FILE_BYTES + 1)),
    () => decodeHeartbeat(new Uint8Array(MAX_HEARTBEAT_BYTES + 1)),
  ]
  for (const run of over) t.throws(run, { message: /more than/ })
  const lines = 'x\n'.repeat(MAX_REVOKED_KEYS + 1)
  const many = utf8(`mesh-revoked 1\nnetwork example\n${lines}`)
  t.throws(() => decodeRevocations(many), { message: /more than 4096 entries/ })
})

t.test('writes what it reads, in whatever order it comes, the last of one key', async (t) => {
  const time = (ms: number) => ms as Timestamp
  const entry = fc.record(
    {
      key: fc.constantFrom(
        ...Array.from({ length: 6 }, () => generatePrivateKey(systemRandom).publicKey),
      ),
      certificates: fc.oneof(fc.constant('all' as const), fc.nat(2 ** 31).map(time)),
      revokedAt: fc.nat(2 ** 31).map(time),
      name: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/),
    },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const { revocations } = decodeRevocations(encodeRevocations(network, entries))
      const last = new Map(entries.map((each) => [each.key, each]))
      assert.deepEqual(
        [...revocations.values()],
        [...last.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
      )
    }),
    { numRuns: 50 },
  )
  t.throws(() => encodeHeartbeat({ network, certificates: -1, revoked: 0 }), {
    code: 'ERR_TRUST_MALFORMED',
  })
})

t.test('a revocation counts for all certificates of its key, or for older ones only', async (t) => {
  const at = 1_000 as Timestamp
  const certificate = { issued: at }
  const revocation = { key: bob.publicKey, revokedAt: at }
  t.equal(isRevokedBy(undefined, certificate), false)
  t.equal(isRevokedBy({ ...revocation, certificates: 'all' }, certificate), true)
  t.equal(isRevokedBy({ ...revocation, certificates: at }, certificate), false)
  t.equal(isRevokedBy({ ...revocation, certificates: 1_001 as Timestamp }, certificate), true)
})

t.test('all of the files are names that nobody else can have', async (t) => {
  t.equal(trustFiles.length, 3)
  for (const { name } of trustFiles) t.equal(isReservedName(name), true, name)
  t.not(alice.publicKey, bob.publicKey)
})
