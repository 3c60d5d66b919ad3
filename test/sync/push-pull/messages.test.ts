import fc from 'fast-check'
import t from 'tap'
import * as limits from '../../../src/sync/limits.ts'
import { MAX_FRAME_BYTES, MAX_LIST_IDS, MAX_REQUEST_GROUPS } from '../../../src/sync/limits.ts'
import {
  decodePushPull,
  encodePushPull,
  maxRangesOf,
} from '../../../src/sync/push-pull/messages.ts'
import { sha256 } from '../../../src/util/index.ts'
import { checkRefused, checkVectors, decodesOrRefuses, readVectors } from '../../support/vectors.ts'
import type { PushPullMessage, WantedGroup } from '../../../src/sync/push-pull/messages.ts'
import type { WireItem } from '../../../src/sync/wire.ts'

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

t.test('as much as may be is taken, and one more is refused', async (t) => {
  const salt = Buffer.alloc(16)
  const record = Buffer.from('record')
  const many = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)
  const state = sha256('state')
  const group = { prefix: '', shorts: [7], rivals: [] }
  const rival = { mark: 1, rank: 2 }
  const getRanges = (maxListIds: number, prefixes: string[]): PushPullMessage => ({
    ...{ type: 'get-ranges', salt, maxListIds, prefixes },
  })
  const getItems = (...groups: WantedGroup[]): PushPullMessage => ({
    ...{ type: 'get-items', salt, groups },
  })
  const put = (...items: WireItem[]): PushPullMessage => ({ type: 'put-items', items })
  const cases: [string, number, (count: number) => PushPullMessage][] = [
    [
      'letters of a collection',
      limits.MAX_COLLECTION_BYTES,
      (count) => ({ type: 'round', collection: 'a'.repeat(count), state }),
    ],
    [
      'bytes of a record',
      limits.MAX_RECORD_BYTES,
      (count) => put({ holds: false, record: Buffer.alloc(count) }),
    ],
    [
      'bytes of a content',
      limits.MAX_INLINE_BYTES,
      (count) => put({ holds: true, record, content: Buffer.alloc(count) }),
    ],
    [
      'records that are put',
      limits.MAX_FRAME_RECORDS,
      (count) => put(...many(count, { holds: false, record })),
    ],
    [
      'records that are given',
      limits.MAX_FRAME_RECORDS,
      (count) => ({ type: 'items', last: true, items: many(count, { holds: false, record }) }),
    ],
    [
      'records that are not kept',
      limits.MAX_FRAME_RECORDS,
      (count) => ({ type: 'taken', notKept: Array.from({ length: count }, (_, index) => index) }),
    ],
    ['ids of a list', MAX_LIST_IDS, (count) => getRanges(count, [''])],
    ['digits of a prefix', limits.MAX_PREFIX_DIGITS, (count) => getRanges(16, ['0'.repeat(count)])],
    ['ranges', limits.MAX_REQUEST_RANGES, (count) => getRanges(16, many(count, ''))],
    [
      'ranges with long lists',
      Math.floor(limits.MAX_REQUEST_SHORTS / MAX_LIST_IDS),
      (count) => getRanges(MAX_LIST_IDS, many(count, '')),
    ],
    [
      'ranges that are told',
      limits.MAX_REQUEST_RANGES,
      (count) => ({ type: 'ranges', parts: many(count, { kind: 'list', shorts: [] }) }),
    ],
    ['groups', MAX_REQUEST_GROUPS, (count) => getItems(...many(count, group))],
    ['ids of a group', MAX_LIST_IDS, (count) => getItems({ ...group, shorts: many(count, 7) })],
    ['rivals', MAX_LIST_IDS, (count) => getItems({ ...group, rivals: many(count, rival) })],
  ]
  for (const [what, most, make] of cases) {
    const decode = (count: number) => decodePushPull(encodePushPull(make(count)))
    t.equal(decode(most).type, make(most).type, `${most} ${what}`)
    t.throws(() => decode(most + 1), { code: 'ERR_PROTOCOL_MALFORMED' }, `${most + 1} ${what}`)
  }
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
