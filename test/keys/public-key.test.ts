import t from 'tap'
import { privateKeyFromSeed, publicKeyFromBytes, publicKeyToBytes } from '../../src/keys/index.ts'
import { verifySignature } from '../../src/keys/index.ts'
import { MAX_CACHED_KEYS, publicKeyFromHex } from '../../src/keys/public-key.ts'
import { fromHex, toHex, utf8 } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { alice, bob, keyVectors } from './vectors.ts'

const bytesOf = (hex: string): Uint8Array => fromHex(hex) ?? new Uint8Array()

/** RFC 8032, section 7.1, tests 1 to 3. */
const rfc8032 = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    key: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    key: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
]

t.test('signs and verifies the examples of RFC 8032', async (t) => {
  for (const { seed, key, message, signature } of rfc8032) {
    const ours = privateKeyFromSeed(bytesOf(seed))
    t.equal(ours.publicKey, key)
    t.equal(toHex(await ours.sign(bytesOf(message))), signature)
    t.ok(verifySignature(ours.publicKey, bytesOf(message), bytesOf(signature)))
  }
})

t.test('takes a signature for exactly its message and its key', async (t) => {
  const message = utf8('message')
  const signature = await alice.sign(message)
  t.ok(verifySignature(alice.publicKey, message, signature))
  t.notOk(verifySignature(bob.publicKey, message, signature))
  t.notOk(verifySignature(alice.publicKey, utf8('messagE'), signature))
  for (let index = 0; index < signature.length; index++) {
    const changed = Uint8Array.from(signature)
    changed[index] = (changed[index] ?? 0) ^ 1
    t.notOk(verifySignature(alice.publicKey, message, changed), `byte ${index} changed`)
  }
})

t.test('refuses signatures of other lengths, and an s of L or more', async (t) => {
  const message = utf8('message')
  const signature = await alice.sign(message)
  for (const length of [0, 32, 63]) {
    t.notOk(verifySignature(alice.publicKey, message, signature.subarray(0, length)))
  }
  t.notOk(verifySignature(alice.publicKey, message, Buffer.concat([signature, Buffer.of(0)])))
  // s + L signs the same under the equation alone; RFC 8032 has only the smaller one.
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const s = BigInt(`0x${toHex(Uint8Array.from(signature.subarray(32)).reverse())}`)
  const larger = Buffer.from((s + order).toString(16).padStart(64, '0'), 'hex').reverse()
  const malleable = Buffer.concat([signature.subarray(0, 32), larger])
  t.notOk(verifySignature(alice.publicKey, message, malleable))
})

t.test('reads 32 bytes and gives them back', async (t) => {
  for (const { hex } of keyVectors.keys) {
    const key = publicKeyFromBytes(bytesOf(hex))
    t.equal(key, hex)
    t.equal(toHex(publicKeyToBytes(key)), hex)
    t.equal(publicKeyFromHex(hex), hex)
  }
})

t.test('refuses what is no key, naming what is wrong', async (t) => {
  for (const length of [0, 31, 33, 64]) {
    t.throws(() => publicKeyFromBytes(new Uint8Array(length).fill(9)), {
      code: 'ERR_KEY_MALFORMED',
      message: `an ed25519 public key has 32 bytes, not ${length}`,
    })
  }
  for (const hex of keyVectors.offCurve) {
    t.throws(() => publicKeyFromBytes(bytesOf(hex)), {
      code: 'ERR_KEY_MALFORMED',
      message: /no such point/,
    })
  }
  for (const [hexes, fault] of [
    [keyVectors.smallOrder, 'small-order'],
    [keyVectors.nonCanonical, 'non-canonical'],
  ] as const) {
    for (const hex of hexes) {
      t.throws(() => publicKeyFromBytes(bytesOf(hex)), { code: 'ERR_KEY_WEAK', data: { fault } })
    }
  }
  for (const text of ['', 'x'.repeat(64), bob.publicKey.toUpperCase(), `${bob.publicKey}0`]) {
    t.equal(publicKeyFromHex(text), undefined)
  }
})

t.test('refuses the key under which one signature fits every message', async (t) => {
  // R = identity, s = 0 under A = identity: 1 = 1 + h·1 whatever h is. Node 20 and 22 verify it.
  const identity = `01${'00'.repeat(31)}`
  t.throws(() => publicKeyFromBytes(bytesOf(identity)), { code: 'ERR_KEY_WEAK' })
})

t.test('goes on verifying while ever new keys pass by', async (t) => {
  const random = createSeededRandom('many keys')
  const message = utf8('message')
  const signature = await alice.sign(message)
  for (let index = 0; index < MAX_CACHED_KEYS + 50; index++) {
    privateKeyFromSeed(random.bytes(32))
  }
  t.ok(verifySignature(alice.publicKey, message, signature))
  t.equal(publicKeyFromBytes(publicKeyToBytes(alice.publicKey)), alice.publicKey)
})
