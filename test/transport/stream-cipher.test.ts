import { createCipheriv, createHmac } from 'node:crypto'
import t from 'tap'
import { createStreamCipher } from '../../src/transport/stream-cipher.ts'
import { concatBytes, systemRandom, toHex, utf8 } from '../../src/util/index.ts'

const psk = Buffer.alloc(32, 7)
const nonce = Buffer.alloc(32, 9)
const make = (side: 'dialler' | 'listener' = 'dialler') => createStreamCipher(psk, { nonce, side })
const zeros = (length: number): Uint8Array => new Uint8Array(length)

t.test('is ChaCha20 under HKDF-SHA-256 of key, nonce and side', (t) => {
  // By hand: RFC 5869, and the first block of RFC 8439's AEAD, which begins at counter 1.
  const extracted = createHmac('sha256', nonce).update(psk).digest()
  const key = createHmac('sha256', extracted)
    .update(utf8('mesh/private-network/1 dialler\x01'))
    .digest()
  const aead = createCipheriv('chacha20-poly1305', key, zeros(12), { authTagLength: 16 })
  t.equal(toHex(make().apply(zeros(1064)).subarray(64)), toHex(aead.update(zeros(1000))))
  t.end()
})

t.test('gives these bytes for good', (t) => {
  t.equal(
    toHex(make().apply(utf8('\x13/multistream/1.0.0\n'))),
    '43b15f505b67e5e174e5651de99883153ca86d1f',
  )
  t.equal(toHex(make('listener').apply(zeros(16))), 'f1b115983af4e0a5c1107f9a61c86b71')
  t.end()
})

t.test('is the same however the bytes are cut, and taken off by itself', (t) => {
  const bytes = systemRandom.bytes(200_001)
  const whole = make().apply(bytes)
  const sender = make()
  const pieces = [0, 1, 3, 70_000, 70_002, 200_001].map((at, index, all) =>
    bytes.subarray(at, all[index + 1] ?? at),
  )
  t.same(concatBytes(...pieces.map((piece) => sender.apply(piece))), whole)
  t.same(make().apply(whole), bytes)
  t.notSame(whole.subarray(0, 64), bytes.subarray(0, 64))
  t.end()
})

t.test('leaves what it is given as it was', (t) => {
  const bytes = zeros(100)
  make().apply(bytes)
  t.same(bytes, zeros(100))
  t.end()
})

t.test('each direction, nonce and key has a stream of its own', (t) => {
  const streams = [
    make().apply(zeros(32)),
    make('listener').apply(zeros(32)),
    createStreamCipher(psk, { nonce: Buffer.alloc(32, 8), side: 'dialler' }).apply(zeros(32)),
    createStreamCipher(Buffer.alloc(32, 6), { nonce, side: 'dialler' }).apply(zeros(32)),
  ]
  t.equal(new Set(streams.map(toHex)).size, streams.length)
  t.end()
})
