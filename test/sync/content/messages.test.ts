import fc from 'fast-check'
import t from 'tap'
import { decodeAnswer, decodeRequest } from '../../../src/sync/content/messages.ts'
import { encodeAnswer, encodeRequest } from '../../../src/sync/content/messages.ts'
import { sha256 } from '../../../src/util/index.ts'
import { checkRefused, checkVectors, decodesOrRefuses, readVectors } from '../../support/vectors.ts'

const requests = { decode: decodeRequest, encode: encodeRequest }
const answers = { decode: decodeAnswer, encode: encodeAnswer }
const vectors = readVectors('content')

t.test('golden vectors decode and encode', async (t) => {
  checkVectors(t, vectors.requests, requests)
  checkVectors(t, vectors.answers, answers)
  checkRefused(t, vectors.invalidRequests, decodeRequest)
  checkRefused(t, vectors.invalidAnswers, decodeAnswer)
})

t.test('decoding undoes encoding', async (t) => {
  const request = fc.record({
    collection: fc.constantFrom('files', 'x'),
    name: fc.string({ minLength: 1, maxLength: 200 }),
    digest: fc.string().map(sha256),
    offset: fc.nat(Number.MAX_SAFE_INTEGER),
  })
  fc.assert(fc.property(request, (value) => t.same(decodeRequest(encodeRequest(value)), value)))
})

t.test('any other bytes are refused with one error', async () => {
  const bytes = fc.uint8Array({ maxLength: 120 })
  fc.assert(
    fc.property(bytes, (value) => decodesOrRefuses(value, requests)),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(bytes, (value) => decodesOrRefuses(value, answers)),
    { numRuns: 2000 },
  )
})
