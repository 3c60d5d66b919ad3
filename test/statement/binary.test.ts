import fc from 'fast-check'
import t from 'tap'
import { createSignedStatement, decodeSignedStatement } from '../../src/statement/index.ts'
import { encodeSignedStatement, MAX_SIGNATURES } from '../../src/statement/index.ts'
import { MAX_SIGNED_STATEMENT_BYTES, MAX_STATEMENT_BYTES } from '../../src/statement/index.ts'
import { signStatement } from '../../src/statement/index.ts'
import { ByteWriter, equalBytes, fromHex, toHex } from '../../src/util/index.ts'
import { alice, bob, codeOf, edits, keyVectors, mutate } from '../keys/vectors.ts'
import { plain, plainText, statementVectors } from './vectors.ts'

const bytesOf = (hex: string): Uint8Array => fromHex(hex) ?? new Uint8Array()
const CODES = ['ERR_STATEMENT_MALFORMED', 'ERR_KEY_MALFORMED', 'ERR_KEY_WEAK']

t.test('reads and writes the golden bytes', async (t) => {
  for (const { why, text, binary } of statementVectors.accepted) {
    const signed = decodeSignedStatement(bytesOf(binary))
    t.equal(signed.text, text, why)
    t.equal(toHex(encodeSignedStatement(signed)), binary)
    t.ok(binary.length / 2 <= MAX_SIGNED_STATEMENT_BYTES)
  }
})

t.test('keeps nothing of the message it was read from', async (t) => {
  const bytes = Uint8Array.from(bytesOf(statementVectors.accepted[0]?.binary ?? ''))
  const signed = decodeSignedStatement(bytes)
  const before = toHex(encodeSignedStatement(signed))
  bytes.fill(0)
  t.equal(toHex(encodeSignedStatement(signed)), before)
})

interface Entry {
  readonly type?: number
  readonly key?: string
}

const build = (
  entries: readonly Entry[],
  { version = 1, text = plainText, count = entries.length, certificate = '' } = {},
) => {
  const writer = new ByteWriter().u8(version).text(text).u32(count)
  for (const { type = 1, key = alice.publicKey } of entries) {
    writer.u8(type).fixed(bytesOf(key)).fixed(new Uint8Array(64))
  }
  return writer.text(certificate).finish()
}

t.test('refuses every part that is wrong, naming it', async (t) => {
  const sorted = [{ key: alice.publicKey }, { key: bob.publicKey }].toSorted((a, b) =>
    a.key < b.key ? -1 : 1,
  )
  t.equal(decodeSignedStatement(build(sorted)).signatures.length, 2)
  const cases: readonly [Uint8Array, RegExp][] = [
    [new Uint8Array(), /1 bytes wanted at 0, 0 left/],
    [build([{}], { version: 0 }), /format version 0, known is 1/],
    [build([{}], { version: 2 }), /format version 2, known is 1/],
    [build([{}], { text: 'x'.repeat(MAX_STATEMENT_BYTES + 1) }), /2049/],
    [build([{}], { text: 'hello\n' }), /line 1 is "hello"/],
    [build([]), /there is no signature/],
    [build([{}], { count: 2 }), /unknown signature type 0|wanted/],
    [build([{}], { count: MAX_SIGNATURES + 1 }), /17 items where at most 16/],
    [build([{}], { count: 0xffffffff }), /4294967295 items where at most 16/],
    [build([{ type: 0 }]), /unknown signature type 0/],
    [build([{ type: 3 }]), /unknown signature type 3/],
    [build([{}, {}]), /not sorted by key/],
    [build(sorted.toReversed()), /not sorted by key/],
    [Buffer.concat([build([{}]), Buffer.of(0)]), /1 bytes left over/],
    [build([{}]).subarray(0, -1), /4 bytes wanted/],
    [build([{}], { certificate: 'x' }), /malformed certificate/],
    [build([{}], { certificate: 'x'.repeat(1025) }), /1025/],
  ]
  for (const [bytes, message] of cases) {
    t.throws(() => decodeSignedStatement(bytes), { code: 'ERR_STATEMENT_MALFORMED', message })
  }
})

t.test('refuses a signature by a security token by a code of its own', (t) => {
  t.throws(() => decodeSignedStatement(build([{ type: 2 }])), {
    code: 'ERR_SIGNATURE_UNSUPPORTED',
    message: /security tokens \(sk-ssh-ed25519\) are not supported yet/,
  })
  t.end()
})

t.test('refuses signers with weak and impossible keys', async (t) => {
  for (const hex of [...keyVectors.smallOrder, ...keyVectors.nonCanonical]) {
    t.equal(
      codeOf(() => decodeSignedStatement(build([{ key: hex }]))),
      'ERR_KEY_WEAK',
      hex,
    )
  }
  for (const hex of keyVectors.offCurve) {
    t.equal(
      codeOf(() => decodeSignedStatement(build([{ key: hex }]))),
      'ERR_KEY_MALFORMED',
      hex,
    )
  }
})

t.test('has room for the longest text with the most signatures', async (t) => {
  const { text } = statementVectors.accepted.toSorted(
    (a, b) => b.text.length - a.text.length,
  )[0] ?? {
    text: '',
  }
  const one = (await signStatement(plain, [alice])).signatures
  const size = encodeSignedStatement(createSignedStatement(text, one)).length
  const entryBytes = 1 + 32 + 64
  t.ok(size + (MAX_SIGNATURES - 1) * entryBytes <= MAX_SIGNED_STATEMENT_BYTES)
  t.ok(text.length > 1400, 'that is the longest')
})

t.test('takes any bytes, throws nothing but its own errors, and has one spelling', async (t) => {
  const bases = statementVectors.accepted.map(({ binary }) => bytesOf(binary))
  const near = fc.tuple(fc.constantFrom(...bases), edits).map(([base, all]) => mutate(base, all))
  let taken = 0
  fc.assert(
    fc.property(fc.oneof(near, fc.uint8Array({ maxLength: 500 })), (bytes) => {
      const code = codeOf(() => decodeSignedStatement(bytes))
      if (code !== undefined) return CODES.includes(code)
      taken++
      return equalBytes(encodeSignedStatement(decodeSignedStatement(bytes)), bytes)
    }),
    { numRuns: 3000 },
  )
  t.ok(taken > 10, 'bytes that are well formed were tried too')
})
