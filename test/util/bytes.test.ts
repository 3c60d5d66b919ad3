import fc from 'fast-check'
import t from 'tap'
import {
  base58,
  compareBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  toBase64,
  toHex,
  utf8,
} from '../../src/util/index.ts'

const bytes = fc.uint8Array({ maxLength: 80 })

t.test('hex, base64 and base58 give back what they were given', async (t) => {
  fc.assert(
    fc.property(bytes, (value) => {
      t.ok(equalBytes(fromHex(toHex(value)) ?? utf8('?'), value))
      t.ok(equalBytes(fromBase64(toBase64(value)) ?? utf8('?'), value))
      t.ok(equalBytes(base58.decode(base58.encode(value)) ?? utf8('?'), value))
    }),
  )
})

t.test('base58 agrees with known values', async (t) => {
  t.equal(base58.encode(utf8('Hello World!')), '2NEpo7TZRRrLZSi2U')
  t.equal(base58.encode(Uint8Array.of(0, 0, 0x28, 0x7f, 0xb4, 0xcd)), '11233QC4')
  t.equal(base58.decode('0OIl'), undefined)
})

t.test('each parser takes one spelling only', async (t) => {
  t.equal(fromHex('AB'), undefined)
  t.equal(fromHex('abc'), undefined)
  t.equal(fromBase64('YQ'), undefined, 'padding is missing')
  t.equal(fromBase64('YR=='), undefined, 'spare bits are set')
  t.equal(fromBase64('YQ==\n'), undefined, 'white space')
  t.equal(fromBase64('-_8='), undefined, 'the other alphabet')
  t.equal(fromUtf8(Uint8Array.of(0xff)), undefined)
  t.equal(fromUtf8(Uint8Array.of(0xed, 0xa0, 0x80)), undefined, 'a surrogate')
})

t.test('bytes compare as unsigned, shorter first', async (t) => {
  t.ok(compareBytes(Uint8Array.of(0x7f), Uint8Array.of(0x80)) < 0)
  t.ok(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0)) < 0)
  t.equal(compareBytes(Uint8Array.of(1), Uint8Array.of(1)), 0)
})
