import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import t from 'tap'
import { checkPoint } from '../../src/keys/point.ts'
import { fromHex, toHex } from '../../src/util/index.ts'
import { keyVectors } from './vectors.ts'

const check = (hex: string) => checkPoint(fromHex(hex) ?? new Uint8Array())

t.test('refuses every encoding of a point of small order', async (t) => {
  t.equal(ED25519_TORSION_SUBGROUP.length, 8)
  for (const hex of ED25519_TORSION_SUBGROUP) t.equal(check(hex), 'small-order', hex)
  // Two more encodings than points: x = 0 has no negative.
  t.equal(keyVectors.smallOrder.length, 10)
  for (const hex of keyVectors.smallOrder) t.equal(check(hex), 'small-order', hex)
})

t.test('refuses every y of p and above', async (t) => {
  t.equal(keyVectors.nonCanonical.length, 38)
  for (const hex of keyVectors.nonCanonical) t.equal(check(hex), 'non-canonical', hex)
})

t.test('refuses y coordinates that no point of the curve has', async (t) => {
  for (const hex of keyVectors.offCurve) t.equal(check(hex), 'off-curve', hex)
})

/** RFC 8032 (strict) as another library reads it. */
const reference = (bytes: Uint8Array): boolean => {
  try {
    return !ed25519.Point.fromBytes(bytes).isSmallOrder()
  } catch {
    return false
  }
}

t.test('agrees with @noble/curves on what a usable point is', async (t) => {
  const anything = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const edge = fc.tuple(fc.bigInt({ min: -300n, max: 300n }), fc.boolean()).map(([add, sign]) => {
    const y = (2n ** 255n - 19n + add) & (2n ** 255n - 1n)
    const hex = (y + (sign ? 2n ** 255n : 0n)).toString(16).padStart(64, '0')
    return Uint8Array.from(Buffer.from(hex, 'hex').reverse())
  })
  let usable = 0
  fc.assert(
    fc.property(fc.oneof(anything, edge), (bytes) => {
      const ours = checkPoint(bytes) === undefined
      if (ours) usable++
      return ours === reference(bytes)
    }),
    { numRuns: 600 },
  )
  t.ok(usable > 100, 'both kinds were tried')
})

t.test('takes every public key that a private key makes', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
      const key = ed25519.getPublicKey(seed)
      return checkPoint(key) === undefined && toHex(key).length === 64
    }),
    { numRuns: 50 },
  )
})
