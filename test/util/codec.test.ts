import fc from 'fast-check'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { ByteReader, ByteWriter } from '../../src/util/index.ts'

const refuses = (read: () => unknown): boolean => {
  try {
    read()
    return false
  } catch (error) {
    return isMeshError(error, 'ERR_PROTOCOL_MALFORMED')
  }
}

t.test('what is written is read again', async (t) => {
  const message = fc.record({
    a: fc.integer({ min: 0, max: 0xff }),
    b: fc.integer({ min: 0, max: 0xffff }),
    c: fc.integer({ min: 0, max: 0xffff_ffff }),
    d: fc.maxSafeNat(),
    bytes: fc.uint8Array({ maxLength: 600 }),
    texts: fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 8 }),
  })
  fc.assert(
    fc.property(message, ({ a, b, c, d, bytes, texts }) => {
      const writer = new ByteWriter(1).u8(a).u16(b).u32(c).u53(d).bytes(bytes)
      const reader = new ByteReader(writer.list(texts, (w, text) => w.text(text)).finish())
      t.same([reader.u8(), reader.u16(), reader.u32(), reader.u53()], [a, b, c, d])
      t.same([...reader.bytes(600)], [...bytes])
      t.same(
        reader.list(8, (r) => r.text(80)),
        texts,
      )
      reader.end()
    }),
  )
})

t.test('a message cut short anywhere is refused', async (t) => {
  const message = new ByteWriter().u8(1).u16(2).u32(3).u53(4).text('five').finish()
  for (let length = 0; length < message.length; length++) {
    const reader = new ByteReader(message.subarray(0, length))
    t.ok(refuses(() => [reader.u8(), reader.u16(), reader.u32(), reader.u53(), reader.text(9)]))
  }
})

t.test('trailing bytes, long lengths, high counts and high numbers are refused', async (t) => {
  t.ok(refuses(() => new ByteReader(Uint8Array.of(1)).end()))
  t.ok(refuses(() => new ByteReader(new ByteWriter().text('12345').finish()).text(4)))
  t.ok(refuses(() => new ByteReader(new ByteWriter().u32(9).finish()).list(8, (r) => r.u8())))
  t.ok(refuses(() => new ByteReader(new ByteWriter().u32(8).finish()).list(8, (r) => r.u8())))
  const nine = new ByteWriter().u32(9).fixed(new Uint8Array(9)).finish()
  t.ok(
    refuses(() => new ByteReader(nine).list(8, (r) => r.u8())),
    'though all nine are there',
  )
  t.ok(
    refuses(() => new ByteReader(Uint8Array.of(0, 0, 0, 0, 0, 0, 32, 0)).u53()),
    '2^53',
  )
  t.ok(refuses(() => new ByteReader(new ByteWriter().bytes(Uint8Array.of(0xc3)).finish()).text(4)))
})
