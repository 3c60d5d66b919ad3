import t from 'tap'
import { createSegments } from '../../../src/sync/content/segments.ts'
import { MAX_SEGMENTS } from '../../../src/sync/limits.ts'
import type { PeerId } from '../../../src/keys/index.ts'

const truth = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz')
const held = {
  sizeBytes: truth.length,
  async *stream({ start }: { start: number }) {
    for (let at = start; at < truth.length; at += 7) yield truth.subarray(at, at + 7)
  },
}
const [a, b, c] = ['a', 'b', 'c'] as PeerId[] as [PeerId, PeerId, PeerId]
const { signal } = new AbortController()

const fill = (...parts: [PeerId, string][]) => {
  const segments = createSegments()
  let at = 0
  for (const [peer, text] of parts) {
    // In pieces, as they come.
    for (const piece of [text.slice(0, 3), text.slice(3)]) {
      segments.add(peer, at, Buffer.from(piece))
      at += piece.length
    }
  }
  return segments
}

t.test('whose part is wrong has lied', async (t) => {
  const segments = fill([a, '0123456789'], [b, 'ABCDEFGHIJ'], [c, 'klmnopqrst'])
  t.same(segments.peers(), [a, b, c])
  t.same(await segments.findLiars(held, signal), [b])
  const two = fill([a, '0123456789'], [b, 'ABCDEFGHIJ'], [c, 'KLMNOPQRST'])
  t.same(await two.findLiars(held, signal), [b, c])
})

t.test('if all other parts are right, the first one was not', async (t) => {
  const segments = fill([a, 'xxxxxxxxxx'], [b, 'abcdefghij'], [c, 'klmnopqrst'])
  t.same(await segments.findLiars(held, signal), [a])
})

t.test('a holder that comes back has several parts', async (t) => {
  const segments = fill([a, '0123456789'], [b, 'abcdefghij'], [a, 'KLMNOPQRST'])
  t.same(segments.peers(), [a, b])
  t.same(await segments.findLiars(held, signal), [a])
})

t.test('with more parts than are remembered nobody is accused by exclusion', async (t) => {
  const segments = createSegments()
  for (let at = 0; at < MAX_SEGMENTS + 5; at++) {
    segments.add(at % 2 === 0 ? a : b, at, truth.subarray(at % 36, (at % 36) + 1))
  }
  const long = {
    ...held,
    async *stream({ start }: { start: number }) {
      yield Buffer.concat([truth, truth]).subarray(start)
    },
  }
  t.same(await segments.findLiars(long, signal), [])
})
