import { inspect } from 'node:util'
import t from 'tap'
import { generatePrivateKey, privateKeyFromSeed } from '../../src/keys/index.ts'
import { readPrivateKey, writePrivateKey } from '../../src/keys/index.ts'
import { systemRandom, toBase64, toHex } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { alice, keyVectors } from './vectors.ts'

t.test('makes the golden keys from their seeds', async (t) => {
  for (const { seed, hex } of keyVectors.keys) {
    const key = privateKeyFromSeed(Buffer.from(seed, 'hex'))
    t.equal(key.publicKey, hex)
    t.equal(toHex(key.seed), seed)
  }
})

t.test('generates from the randomness it is given', async (t) => {
  const once = generatePrivateKey(createSeededRandom(1))
  const again = generatePrivateKey(createSeededRandom(1))
  t.equal(once.publicKey, again.publicKey)
  t.not(generatePrivateKey(systemRandom).publicKey, generatePrivateKey(systemRandom).publicKey)
})

t.test('refuses a seed that has not 32 bytes', async (t) => {
  for (const length of [0, 31, 33, 64]) {
    t.throws(() => privateKeyFromSeed(new Uint8Array(length)), {
      code: 'ERR_KEY_MALFORMED',
      message: new RegExp(`not ${length}`),
    })
  }
})

t.test('is not changed through the seed that was given or taken', async (t) => {
  const seed = new Uint8Array(32).fill(1)
  const key = privateKeyFromSeed(seed)
  seed.fill(0)
  key.seed.fill(0)
  t.equal(toHex(key.seed), '01'.repeat(32))
})

t.test('does not show its secret by accident', async (t) => {
  const seed = createSeededRandom('secret').bytes(32)
  const key = privateKeyFromSeed(seed)
  const text = writePrivateKey(key, { format: 'openssh' })
  const shown = [
    JSON.stringify({ key }),
    JSON.stringify({ ...key }),
    inspect(key, { depth: Infinity, showHidden: true, getters: true }),
    inspect({ nested: [key] }, { depth: Infinity }),
    inspect(structuredClone({ ...key, sign: undefined }), { depth: Infinity }),
    inspect(Object.entries(key)),
    String(key),
    inspect(readPrivateKey(text)),
  ].join('\n')
  t.notMatch(shown, toHex(seed))
  t.notMatch(shown, toBase64(seed))
  t.notMatch(shown, /seed/i)
  t.notMatch(shown, [...seed.subarray(0, 4)].join(', '))
  t.match(JSON.parse(JSON.stringify(alice)), { publicKey: alice.publicKey })
  t.equal(inspect(alice), `PrivateKey(${alice.publicKey})`)
  t.notOk(Object.keys(alice).includes('seed'))
})
