import t from 'tap'
import { parseExpiry, toTimestamp } from '../../src/cli/expiry.ts'

const nowMs = Date.parse('2026-01-01T00:00:00.000Z')

t.test('reads durations, dates and times', async (t) => {
  const cases = {
    '30d': '2026-01-31T00:00:00.000Z',
    '1.5h': '2026-01-01T01:30:00.000Z',
    '2026-02-01': '2026-02-01T00:00:00.000Z',
    '2026-02-01T12:00:00Z': '2026-02-01T12:00:00.000Z',
    '2026-02-01T12:00:00.500Z': '2026-02-01T12:00:00.500Z',
  }
  for (const [text, time] of Object.entries(cases)) {
    t.equal(new Date(parseExpiry(text, nowMs)).toISOString(), time, text)
  }
})

t.test('refuses what is no time, or none to come', async (t) => {
  for (const text of [
    '',
    'soon',
    '0s',
    '2026-01-01',
    '2025-12-31',
    '2026-02-30',
    '1e9d',
    '-1d',
    '9999999d',
  ]) {
    t.throws(() => parseExpiry(text, nowMs), { code: 'ERR_USAGE' }, text)
  }
})

t.test('a clock outside the years that have a spelling gives no time', async (t) => {
  t.equal(toTimestamp(-1), undefined)
  t.equal(toTimestamp(8.64e15 + 1), undefined)
  t.equal(toTimestamp(Number.NaN), undefined)
  t.equal(toTimestamp(0), 0)
})
