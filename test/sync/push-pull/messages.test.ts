import fc from 'fast-check'
import t from 'tap'
import { MAX_FRAME_BYTES, MAX_INDEX_PAGE_IDS } from '../../../src/sync/limits.ts'
import { decodePushPull, encodePushPull } from '../../../src/sync/push-pull/messages.ts'
import { sha256 } from '../../../src/util/index.ts'
import { checkRefused, checkVectors, decodesOrRefuses, readVectors } from '../../support/vectors.ts'
import type { PushPullMessage } from '../../../src/sync/push-pull/messages.ts'

const codec = { decode: decodePushPull, encode: encodePushPull }
const vectors = readVectors('push-pull')

t.test('golden vectors decode and encode', async (t) => {
  checkVectors(t, vectors.valid, codec)
  checkRefused(t, vectors.invalid, decodePushPull)
})

const digest = fc.string().map(sha256)
const sortedIds = fc.uniqueArray(digest).map((ids) => ids.sort())
const bytes = fc.uint8Array({ maxLength: 300 })
const items = fc.array(
  fc
    .record({ holds: fc.boolean(), record: bytes, content: fc.option(bytes) })
    .map(({ content, ...rest }) => (content === null ? rest : { ...rest, content })),
)
const last = fc.boolean()
const type = <T extends PushPullMessage['type']>(value: T) => fc.constant(value)
const message: fc.Arbitrary<PushPullMessage> = fc.oneof(
  fc.record({ type: type('round'), collection: fc.constantFrom('files', 'a'), state: digest }),
  fc.record({
    type: type('differs'),
    names: digest,
    yourNames: fc.oneof(digest, fc.constant('none' as const)),
  }),
  fc.record({ type: type('names'), last, names: fc.array(fc.string({ minLength: 1 })) }),
  fc.record({ type: type('index'), last, ids: sortedIds }),
  fc.record({ type: type('get-items'), ids: sortedIds }),
  fc.record({ type: type('items'), last, items }),
  fc.record({ type: type('put-items'), items }),
  fc.record({
    type: type('taken'),
    notKept: fc.uniqueArray(fc.nat(65_535)).map((all) => all.sort((a, b) => a - b)),
  }),
)

t.test('decoding undoes encoding', async (t) => {
  fc.assert(
    fc.property(message, (value) => {
      t.same(decodePushPull(encodePushPull(value)), value)
    }),
    { numRuns: 300 },
  )
})

t.test('any other bytes are refused with one error', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (value) => decodesOrRefuses(value, codec)),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
      const frame = Uint8Array.from(encodePushPull(value))
      const index = at % frame.length
      frame[index] = (frame[index] ?? 0) ^ flip
      return decodesOrRefuses(frame, codec) && decodesOrRefuses(frame.subarray(0, index), codec)
    }),
    { numRuns: 1000 },
  )
})

t.test('a full page of an index fits into a frame', async (t) => {
  const ids = Array.from({ length: MAX_INDEX_PAGE_IDS }, (_, index) => sha256(`${index}`)).sort()
  const frame = encodePushPull({ type: 'index', last: true, ids })
  t.ok(frame.length <= MAX_FRAME_BYTES)
  t.same(decodePushPull(frame), { type: 'index', last: true, ids })
})
