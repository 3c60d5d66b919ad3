import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey as libp2pPeerId, peerIdFromString } from '@libp2p/peer-id'
import fc from 'fast-check'
import t from 'tap'
import { parsePeerId, peerIdFromPublicKey, publicKeyFromPeerId } from '../../src/keys/index.ts'
import { base58, concatBytes } from '../../src/util/index.ts'
import { alice, codeOf, keyVectors } from './vectors.ts'

t.test('is what libp2p makes of the same key', async (t) => {
  for (const { hex, peerId } of keyVectors.keys) {
    t.equal(libp2pPeerId(publicKeyFromRaw(Buffer.from(hex, 'hex'))).toString(), peerId)
    t.equal(peerIdFromString(peerId).publicKey?.type, 'Ed25519')
    const id = parsePeerId(peerId)
    t.equal(id, peerId)
    t.equal(id && publicKeyFromPeerId(id), hex)
    t.equal(id && peerIdFromPublicKey(publicKeyFromPeerId(id)), peerId)
  }
})

const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
const key = Buffer.from(alice.publicKey, 'hex')

t.test('takes nothing else', async (t) => {
  const good = peerIdFromPublicKey(alice.publicKey)
  const texts = [
    '',
    good.slice(0, -1),
    `${good}1`,
    `1${good}`,
    ` ${good}`,
    good.replace('K', '0'),
    'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
    'bafzaajaiaejca4syrpdu6gdx4wsdnokxkprgzxf4wrstuc34gxw5k5jrag2so5gk',
    '1'.repeat(42),
    'z'.repeat(500_000),
    base58.encode(concatBytes(Uint8Array.of(0x00, 0x24, 0x08, 0x02, 0x12, 0x20), key)),
    base58.encode(concatBytes(PREFIX, key, Uint8Array.of(0))),
  ]
  for (const text of texts) t.equal(parsePeerId(text), undefined, text.slice(0, 80))
})

t.test('refuses peer ids of weak and impossible keys', async (t) => {
  const { smallOrder, nonCanonical, offCurve } = keyVectors
  for (const hex of [...smallOrder, ...nonCanonical, ...offCurve]) {
    const text = base58.encode(concatBytes(PREFIX, Buffer.from(hex, 'hex')))
    t.equal(parsePeerId(text), undefined, hex)
  }
})

t.test('takes any text without an error', async (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 80, unit: 'binary' }), fc.string()), (text) => {
      return codeOf(() => parsePeerId(text)) === undefined
    }),
  )
  t.pass()
})
