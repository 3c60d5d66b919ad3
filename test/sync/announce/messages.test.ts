import fc from 'fast-check'
import t from 'tap'
import { decodeAnnounce, encodeAnnounce } from '../../../src/sync/announce/messages.ts'
import { haveParcel, itemParcel, packParcels } from '../../../src/sync/announce/messages.ts'
import { MAX_FRAME_RECORDS, MAX_INLINE_BYTES, MAX_RECORD_BYTES } from '../../../src/sync/limits.ts'
import { sha256 } from '../../../src/util/index.ts'
import { checkRefused, checkVectors, decodesOrRefuses, readVectors } from '../../support/vectors.ts'
import type { AnnounceMessage } from '../../../src/sync/announce/messages.ts'

const codec = { decode: decodeAnnounce, encode: encodeAnnounce }
const vectors = readVectors('announce')

t.test('golden vectors decode and encode', async (t) => {
  checkVectors(t, vectors.valid, codec)
  checkRefused(t, vectors.invalid, decodeAnnounce)
})

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const item = fc
  .record({ holds: fc.boolean(), record: bytes(300), content: fc.option(bytes(300)) })
  .map(({ content, ...rest }) => (content === null ? rest : { ...rest, content }))
const collection = fc.constantFrom('files', 'a', 'x-y')
const message: fc.Arbitrary<AnnounceMessage> = fc.oneof(
  fc.record({ type: fc.constant('items' as const), collection, items: fc.array(item) }),
  fc.record({
    type: fc.constant('have' as const),
    collection,
    holdings: fc.array(
      fc.record({
        name: fc.string({ minLength: 1, maxLength: 200, unit: 'binary' }),
        digest: fc.string().map(sha256),
      }),
    ),
  }),
)

t.test('decoding undoes encoding', async (t) => {
  fc.assert(
    fc.property(message, (value) => {
      const decoded = decodeAnnounce(encodeAnnounce(value))
      t.same(decoded, value)
    }),
    { numRuns: 200 },
  )
})

t.test('any other bytes are refused with one error', async () => {
  fc.assert(
    fc.property(bytes(200), (value) => decodesOrRefuses(value, codec)),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
      const frame = Uint8Array.from(encodeAnnounce(value))
      const index = at % frame.length
      frame[index] = (frame[index] ?? 0) ^ flip
      return decodesOrRefuses(frame, codec) && decodesOrRefuses(frame.subarray(0, index), codec)
    }),
    { numRuns: 1000 },
  )
})

t.test('records and inline content have their limits', async (t) => {
  const encode = (record: number, content: number) =>
    encodeAnnounce({
      type: 'items',
      collection: 'files',
      items: [{ holds: true, record: new Uint8Array(record), content: new Uint8Array(content) }],
    })
  t.equal(decodeAnnounce(encode(MAX_RECORD_BYTES, MAX_INLINE_BYTES)).type, 'items')
  const code = 'ERR_PROTOCOL_MALFORMED'
  t.throws(() => decodeAnnounce(encode(MAX_RECORD_BYTES + 1, 0)), { code })
  t.throws(() => decodeAnnounce(encode(0, MAX_INLINE_BYTES + 1)), { code })
})

t.test('a frame has so many records or claims, and one more is refused', async (t) => {
  const record = Buffer.from('record')
  const collection = 'files'
  const kinds: ((count: number) => AnnounceMessage)[] = [
    (length) => ({
      ...{ type: 'items', collection },
      items: Array.from({ length }, () => ({ holds: false, record })),
    }),
    (length) => ({
      ...{ type: 'have', collection },
      holdings: Array.from({ length }, () => ({ name: 'motd', digest: sha256('x') })),
    }),
  ]
  for (const make of kinds) {
    const most = make(MAX_FRAME_RECORDS)
    t.equal(decodeAnnounce(encodeAnnounce(most)).type, most.type)
    const more = encodeAnnounce(make(MAX_FRAME_RECORDS + 1))
    t.throws(() => decodeAnnounce(more), { code: 'ERR_PROTOCOL_MALFORMED' }, most.type)
  }
})

t.test('parcels packed into a frame are the message they make', async (t) => {
  const items = [
    { holds: true, record: Buffer.from('one') },
    { holds: false, record: Buffer.from('two'), content: Buffer.from('inline') },
  ] as const
  const packed = packParcels([itemParcel('files', items[0]), itemParcel('files', items[1])])
  t.same(packed, encodeAnnounce({ type: 'items', collection: 'files', items }))
  const holding = { name: 'motd', digest: sha256('x') }
  t.same(
    packParcels([haveParcel('files', holding)]),
    encodeAnnounce({ type: 'have', collection: 'files', holdings: [holding] }),
  )
})
