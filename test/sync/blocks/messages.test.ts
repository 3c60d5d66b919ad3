import fc from 'fast-check'
import t from 'tap'
import {
  decodeBlockAnswer,
  decodeBlockRequest,
  encodeBlockAnswer,
  encodeBlockRequest,
} from '../../../src/sync/blocks/messages.ts'
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
