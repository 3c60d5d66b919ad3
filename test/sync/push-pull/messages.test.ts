import fc from 'fast-check'
import t from 'tap'
import { MAX_FRAME_BYTES, MAX_LIST_IDS, MAX_REQUEST_GROUPS } from '../../../src/sync/limits.ts'
import {
  decodePushPull,
  encodePushPull,
  maxRangesOf,
} from '../../../src/sync/push-pull/messages.ts'
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
const short = fc.nat(2 ** 31 - 1).map((value) => value * 512 + 7)
const salt = fc.uint8Array({ minLength: 16, maxLength: 16 })
const prefix = fc.stringMatching(/^[0-9a-f]{0,63}$/)
const part = fc.oneof(
  fc.record({
    kind: fc.constant('list' as const),
    shorts: fc.array(short, { maxLength: MAX_LIST_IDS }),
  }),
  fc.record({
    kind: fc.constant('split' as const),
    parts: fc.array(fc.option(short), { minLength: 16, maxLength: 16 }),
  }),
)
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
    root: digest,
  }),
  fc.record({ type: type('names'), last, names: fc.array(fc.string({ minLength: 1 })) }),
  fc.record({
    type: type('get-ranges'),
    salt,
    maxListIds: fc.nat(MAX_LIST_IDS),
    prefixes: fc.array(prefix, { maxLength: 100 }),
  }),
  fc.record({ type: type('ranges'), parts: fc.array(part, { maxLength: 100 }) }),
  fc.record({
    type: type('get-items'),
    salt,
    groups: fc.array(
      fc.record({
        prefix,
        shorts: fc.array(short, { minLength: 1, maxLength: MAX_LIST_IDS }),
        rivals: fc.array(fc.record({ mark: fc.nat(65_535), rank: fc.nat(2 ** 31 - 1) }), {
          maxLength: MAX_LIST_IDS,
        }),
      }),
      { maxLength: MAX_REQUEST_GROUPS },
    ),
  }),
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

t.test('the longest answers fit into a frame', async (t) => {
  const shorts = Array.from({ length: MAX_LIST_IDS }, (_, index) => index)
  for (const maxListIds of [0, 16, MAX_LIST_IDS]) {
    const count = maxRangesOf(maxListIds)
    const list = { kind: 'list', shorts: shorts.slice(0, maxListIds) } as const
    const split = { kind: 'split', parts: shorts.slice(0, 16) } as const
    for (const part of [list, split]) {
      const frame = encodePushPull({
        type: 'ranges',
        parts: Array.from({ length: count }, () => part),
      })
      t.ok(frame.length <= MAX_FRAME_BYTES, `${count} times ${part.kind}: ${frame.length} bytes`)
    }
  }
})
