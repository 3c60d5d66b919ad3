import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import { LengthPrefixedDecoder } from '@libp2p/utils'
import t from 'tap'
import { createNoiseCrypto } from '../../src/transport/noise-crypto.ts'
import { concatBytes, systemRandom } from '../../src/util/index.ts'

const ours = createNoiseCrypto()
const key = systemRandom.bytes(32)
const nonce = systemRandom.bytes(12)
const none = new Uint8Array(0)

type Data = Parameters<typeof ours.chaCha20Poly1305Encrypt>[0]

const isList = (value: object): value is Exclude<Data, Uint8Array> => 'sublist' in value

/** The same bytes as one of libp2p's lists, of pieces of this size. */
const listOf = (bytes: Uint8Array, pieceBytes: number): Data => {
  const decoder = new LengthPrefixedDecoder({
    lengthDecoder: () => bytes.length,
    encodingLength: () => 0,
  })
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    for (const list of decoder.decode(bytes.subarray(at, at + pieceBytes))) {
      if (isList(list)) return list
    }
  }
  return bytes
}

for (const sizeBytes of [0, 1, 1_199, 1_200, 5_000, 65_519]) {
  for (const ad of [none, systemRandom.bytes(32)]) {
    t.test(`${sizeBytes} bytes with ${ad.length} beside them are what the library makes`, (t) => {
      const plain = systemRandom.bytes(sizeBytes)
      const wanted = defaultCrypto.chaCha20Poly1305Encrypt(plain, nonce, ad, key).subarray()
      for (const input of [plain, listOf(plain, 700)]) {
        const sealed = ours.chaCha20Poly1305Encrypt(input, nonce, ad, key).subarray()
        t.same(Buffer.from(sealed), Buffer.from(wanted))
        for (const text of [sealed, listOf(sealed, 1_000)]) {
          const room = text.subarray(0, sizeBytes)
          for (const dst of [undefined, room]) {
            const opened = ours.chaCha20Poly1305Decrypt(
              text,
              nonce,
              ad,
              key,
              dst && Buffer.from(dst),
            )
            t.same(Buffer.from(opened.subarray()), Buffer.from(plain))
          }
        }
      }
      t.end()
    })
  }
}

t.test('whatever was changed is refused', (t) => {
  const sealed = ours
    .chaCha20Poly1305Encrypt(systemRandom.bytes(5_000), nonce, none, key)
    .subarray()
  for (const at of [0, 2_500, 4_999, 5_000, 5_015]) {
    const changed = concatBytes(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    t.throws(() => ours.chaCha20Poly1305Decrypt(changed, nonce, none, key))
  }
  const other = systemRandom.bytes(12)
  t.throws(() => ours.chaCha20Poly1305Decrypt(sealed, other, none, key))
  t.throws(() => ours.chaCha20Poly1305Decrypt(sealed, nonce, other, key))
  t.throws(() => ours.chaCha20Poly1305Decrypt(sealed, nonce, none, systemRandom.bytes(32)))
  t.end()
})

t.test('a text that is shorter than its tag is refused', (t) => {
  t.throws(() => ours.chaCha20Poly1305Decrypt(systemRandom.bytes(15), nonce, none, key))
  t.end()
})
