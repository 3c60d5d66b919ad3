import fc from 'fast-check'
import t from 'tap'
import {
  decodeBlockAnswer,
  decodeBlockRequest,
  encodeBlockAnswer,
  encodeBlockRequest,
} from '../../../src/sync/blocks/messages.ts'
import { MAX_ASKED_INDEXES, MAX_GAINED_INDEXES } from '../../../src/sync/limits.ts'
import { MAX_BLOCK_PIECE_BYTES } from '../../../src/sync/limits.ts'
import { checkRefused, checkVectors, decodesOrRefuses, readVectors } from '../../support/vectors.ts'

const requests = { decode: decodeBlockRequest, encode: encodeBlockRequest }
const answers = { decode: decodeBlockAnswer, encode: encodeBlockAnswer }
const vectors = readVectors('block-exchange')

t.test('golden vectors decode and encode', async (t) => {
  checkVectors(t, vectors.requests, requests)
  checkVectors(t, vectors.answers, answers)
  checkRefused(t, vectors.invalidRequests, decodeBlockRequest)
  checkRefused(t, vectors.invalidAnswers, decodeBlockAnswer)
})

t.test('any other bytes are refused with one error', async () => {
  const bytes = fc.uint8Array({ maxLength: 120 })
  const type = fc.constantFrom(1, 2, 3, 4, 5, 16, 17, 18, 19, 20, 21, 22)
  const frame = fc.tuple(type, bytes).map(([first, rest]) => Uint8Array.of(first, ...rest))
  const runs = { numRuns: 2000 }
  fc.assert(
    fc.property(frame, (value) => decodesOrRefuses(value, requests)),
    runs,
  )
  fc.assert(
    fc.property(frame, (value) => decodesOrRefuses(value, answers)),
    runs,
  )
})

t.test('as much as may be is taken, and one more is refused', async (t) => {
  const code = 'ERR_PROTOCOL_MALFORMED'
  const indexesOf = (count: number) => Array.from({ length: count }, (_, index) => index)
  for (const type of ['ask', 'cancel'] as const) {
    const decode = (count: number) =>
      decodeBlockRequest(
        encodeBlockRequest({ type, id: 1, insist: false, indexes: indexesOf(count) }),
      )
    t.match(decode(MAX_ASKED_INDEXES), { type })
    t.throws(() => decode(MAX_ASKED_INDEXES + 1), { code }, type)
  }
  const gained = (count: number) =>
    decodeBlockAnswer(encodeBlockAnswer({ type: 'gained', id: 1, indexes: indexesOf(count) }))
  t.match(gained(MAX_GAINED_INDEXES), { type: 'gained' })
  t.throws(() => gained(MAX_GAINED_INDEXES + 1), { code })
  const piece = (count: number) => {
    const bytes = new Uint8Array(count)
    return decodeBlockAnswer(
      encodeBlockAnswer({ type: 'piece', id: 1, index: 0, offset: 0, bytes }),
    )
  }
  t.match(piece(MAX_BLOCK_PIECE_BYTES), { type: 'piece' })
  t.throws(() => piece(MAX_BLOCK_PIECE_BYTES + 1), { code })
})
