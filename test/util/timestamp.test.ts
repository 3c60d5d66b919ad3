import t from 'tap'
import { formatTimestamp, parseTimestamp } from '../../src/util/index.ts'

t.test('a timestamp has one spelling', async (t) => {
  const time = parseTimestamp('2026-11-21T01:02:03.004Z')
  t.equal(time, Date.UTC(2026, 10, 21, 1, 2, 3, 4))
  t.equal(time === undefined ? '' : formatTimestamp(time), '2026-11-21T01:02:03.004Z')
  for (const text of [
    '2026-11-21T01:02:03Z',
    '2026-11-21T01:02:03.004',
    '2026-11-21T01:02:03.004+00:00',
    '2026-02-30T00:00:00.000Z',
    '2026-11-21T24:00:00.000Z',
    '+012026-11-21T01:02:03.004Z',
    '2026-11-21T01:02:60.000Z',
    '2026-11-21 01:02:03.004Z',
  ]) {
    t.equal(parseTimestamp(text), undefined, text)
  }
})
