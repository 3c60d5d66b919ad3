import t from 'tap'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/util/index.ts'

t.test('durations and sizes are read with their units', async (t) => {
  t.equal(parseDuration('30s'), 30_000)
  t.equal(parseDuration('1.5h'), 5_400_000)
  t.equal(parseDuration('250ms'), 250)
  t.equal(parseDuration('14d'), 14 * 86_400_000)
  t.equal(parseSize('64MiB'), 64 * 2 ** 20)
  t.equal(parseSize('512B'), 512)
  t.equal(parseSize('1.5 GiB'), 1.5 * 2 ** 30)
})

t.test('anything else is not a quantity', async (t) => {
  for (const text of ['', '30', 's', '-1s', '1 week', '1e3s', 'NaNs', '1S', '99999999999999999d']) {
    t.equal(parseDuration(text), undefined, text)
  }
  for (const text of ['64', '64MB', '64mib', '0x1B', '999999999999999TiB', '1 constructor']) {
    t.equal(parseSize(text), undefined, text)
  }
})

t.test('quantities are shown in the largest unit that fits', async (t) => {
  t.equal(formatDuration(30_000), '30 s')
  t.equal(formatDuration(90_000), '1.5 m')
  t.equal(formatDuration(0), '0 ms')
  t.equal(formatSize(64 * 2 ** 20), '64 MiB')
  t.equal(formatSize(1000), '1000 B')
})
