import fc from 'fast-check'
import t from 'tap'
import { armorSshsig, dearmorSshsig, decodeSshsig, encodeSshsig } from '../../src/keys/index.ts'
import {
  MAX_SSHSIG_BYTES,
  MAX_SSHSIG_TEXT_BYTES,
  signSsh,
  verifySsh,
} from '../../src/keys/index.ts'
import { equalBytes, fromBase64, fromHex, toBase64, utf8 } from '../../src/util/index.ts'
import { skip, sshKeygen, sshSign, sshVerify } from './ssh-keygen.ts'
import { alice, bob, codeOf, edits, keyVectors, mutate, readVectors } from './vectors.ts'

interface Vectors {
  readonly accepted: readonly {
    readonly key: string
    readonly namespace: string
    readonly message: string
    readonly armored: string
    readonly blob: string
  }[]
  readonly refused: readonly { readonly why: string; readonly blob: string }[]
}

const vectors = readVectors('sshsig') as Vectors
const base64 = (text: string): Uint8Array => fromBase64(text) ?? new Uint8Array()

t.test('takes the golden signatures of ssh-keygen, and makes the same', async (t) => {
  for (const { key, namespace, message, armored, blob } of vectors.accepted) {
    const signature = decodeSshsig(dearmorSshsig(armored))
    t.equal(signature.key, key)
    t.equal(signature.namespace, namespace)
    t.ok(verifySsh(signature, utf8(message)))
    t.notOk(verifySsh(signature, utf8(`${message}.`)), 'for no other message')
    t.notOk(verifySsh({ ...signature, namespace: 'other' }, utf8(message)), 'for no other purpose')
    t.notOk(verifySsh({ ...signature, key: bob.publicKey }, utf8(message)), 'for no other key')
    t.equal(toBase64(encodeSshsig(signature)), blob)
    t.equal(armorSshsig(encodeSshsig(signature)), armored)
    t.same(await signSsh(alice, namespace, utf8(message)), signature)
  }
})

t.test('refuses the golden forgeries', async (t) => {
  for (const { why, blob } of vectors.refused) {
    t.equal(
      codeOf(() => decodeSshsig(base64(blob))),
      'ERR_SSHSIG_MALFORMED',
      why,
    )
  }
})

t.test('names the hash, the key type or the version that it does not take', async (t) => {
  const messageOf = (why: string): RegExp | undefined =>
    ({
      sha256: /its hash is sha256; sign with sha512/,
      'another key type': /its type is ssh-ed25518/,
      'version 2': /its version is 2, not 1/,
      'a byte left over': /1 bytes are left over/,
      'a byte missing': /ends within the signature/,
      'a used reserved field': /reserved/,
    })[why]
  let named = 0
  for (const { why, blob } of vectors.refused) {
    const message = messageOf(why)
    if (message === undefined) continue
    named++
    t.throws(() => decodeSshsig(base64(blob)), { message }, why)
  }
  t.equal(named, 6)
})

t.test('refuses signatures by weak and impossible keys', async (t) => {
  const { blob } = vectors.accepted[0] ?? { blob: '' }
  const replaced = (hex: string): Uint8Array => {
    const text = Buffer.from(base64(blob)).toString('hex').replace(alice.publicKey, hex)
    return fromHex(text) ?? new Uint8Array()
  }
  for (const hex of [...keyVectors.smallOrder, ...keyVectors.nonCanonical]) {
    t.equal(
      codeOf(() => decodeSshsig(replaced(hex))),
      'ERR_KEY_WEAK',
      hex,
    )
  }
  for (const hex of keyVectors.offCurve) {
    t.equal(
      codeOf(() => decodeSshsig(replaced(hex))),
      'ERR_KEY_MALFORMED',
      hex,
    )
  }
})

t.test('agrees with ssh-keygen in both directions', { skip }, async (t) => {
  const directory = t.testdir()
  for (const message of ['', 'text\n', 'x'.repeat(100_000), '\0binary\xff']) {
    const theirs = decodeSshsig(dearmorSshsig(sshSign(directory, alice, 'mesh-file', message)))
    t.ok(verifySsh(theirs, utf8(message)))
    const signature = await signSsh(alice, 'mesh-file', utf8(message))
    const armored = armorSshsig(encodeSshsig(signature))
    const verdict = sshVerify(directory, alice.publicKey, 'mesh-file', message, armored)
    t.ok(verdict.ok, verdict.output)
    t.match(verdict.output, /Good "mesh-file" signature for alice@example.org with ED25519 key/)
    t.notOk(sshVerify(directory, alice.publicKey, 'mesh-file', `${message}.`, armored).ok)
    t.notOk(sshVerify(directory, bob.publicKey, 'mesh-file', message, armored).ok)
    t.notOk(sshVerify(directory, alice.publicKey, 'file', message, armored).ok)
  }
})

t.test('refuses what ssh-keygen signs otherwise', { skip }, async (t) => {
  const directory = t.testdir()
  const weaker = sshSign(directory, alice, 'mesh-file', 'text', ['-O', 'hashalg=sha256'])
  t.throws(() => decodeSshsig(dearmorSshsig(weaker)), {
    code: 'ERR_SSHSIG_MALFORMED',
    message: /sha256/,
  })
  const file = `${directory}/rsa`
  sshKeygen(['-q', '-t', 'rsa', '-b', '1024', '-N', '', '-f', file])
  const rsa = sshKeygen(['-Y', 'sign', '-q', '-f', file, '-n', 'mesh-file'], 'text')
  t.throws(() => decodeSshsig(dearmorSshsig(rsa).subarray(0, MAX_SSHSIG_BYTES)), {
    code: 'ERR_SSHSIG_MALFORMED',
    message: /ssh-rsa/,
  })
})

t.test('signs for a namespace that is a printable word only', async (t) => {
  for (const namespace of ['', 'a b', 'a\n', 'é', 'n'.repeat(129)]) {
    await t.rejects(signSsh(alice, namespace, utf8('')), { code: 'ERR_SSHSIG_MALFORMED' })
  }
  t.equal((await signSsh(alice, 'n'.repeat(128), utf8(''))).namespace.length, 128)
})

t.test('refuses what is far too long before it looks at it', async (t) => {
  t.throws(() => decodeSshsig(new Uint8Array(MAX_SSHSIG_BYTES + 1)), { message: /longer than 512/ })
  t.throws(() => dearmorSshsig('x'.repeat(MAX_SSHSIG_TEXT_BYTES + 1)), {
    message: /more than 2048/,
  })
  const longest = await signSsh(alice, 'n'.repeat(128), utf8(''))
  t.same(decodeSshsig(encodeSshsig(longest)), longest)
})

t.test('takes any bytes, throws nothing but its own errors, and has one spelling', async (t) => {
  const bases = vectors.accepted.map(({ blob }) => base64(blob))
  const near = fc.tuple(fc.constantFrom(...bases), edits).map(([base, all]) => mutate(base, all))
  let taken = 0
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), near), (bytes) => {
      const code = codeOf(() => decodeSshsig(bytes))
      if (code !== undefined) return /^ERR_(SSHSIG|KEY)_/.test(code)
      taken++
      return equalBytes(encodeSshsig(decodeSshsig(bytes)), bytes)
    }),
    { numRuns: 3000 },
  )
  t.ok(taken > 10, 'bytes that are well formed were tried too')
})

t.test('takes any armored text and throws nothing but its own errors', async (t) => {
  const { armored } = vectors.accepted[0] ?? { armored: '' }
  const near = fc
    .tuple(fc.nat(400), fc.string({ maxLength: 3, unit: 'binary' }), fc.nat(2))
    .map(([at, insert, cut]) => armored.slice(0, at) + insert + armored.slice(at + cut))
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), (text) => {
      const code = codeOf(() => dearmorSshsig(text))
      return code === undefined || code === 'ERR_SSHSIG_MALFORMED'
    }),
    { numRuns: 1000 },
  )
  t.pass()
})
