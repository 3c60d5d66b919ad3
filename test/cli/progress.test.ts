import t from 'tap'
import { createContext } from '../../src/cli/context.ts'
import { createProgress, formatProgress, formatTimeLeft } from '../../src/cli/progress.ts'

t.test('draws how far it is, how fast, and how long it will take', async (t) => {
  const bar = `${'#'.repeat(12)}${'-'.repeat(12)}`
  t.equal(
    formatProgress(512 * 2 ** 20, 2 ** 30, 4_000),
    `${bar}  50%  512 MiB of 1 GiB  128 MiB/s  4 s left`,
  )
  t.match(formatProgress(0, 0, 0), /100% {2}0 B of 0 B$/)
  t.match(formatProgress(2 ** 30, 2 ** 30, 4_000), /256 MiB\/s$/, 'nothing is left')
  t.match(formatProgress(0, 2 ** 30, 4_000), /0 B of 1 GiB$/, 'nobody knows')
})

t.test('says how long it will take as exactly as it can be known', async (t) => {
  t.same([0, 400, 89_000, 91_000, 60 * 60_000, 5_300_000, 26 * 3_600_000].map(formatTimeLeft), [
    ...['1 s left', '1 s left', '89 s left', '2 min left', '60 min left', '88 min left'],
    '26 h left',
  ])
})

t.test('draws at most ten times a second, and only where somebody is looking', async (t) => {
  const run = (interactive: boolean, doing?: string): string[] => {
    const drawn: string[] = []
    let nowMs = 0
    const context = createContext()
    const err = {
      ...context.err,
      interactive,
      write: async (text: string | Uint8Array) => void drawn.push(String(text)),
    }
    const clock = { ...context.clock, monotonicMs: () => nowMs }
    const progress = createProgress({ err, clock }, 100, doing)
    for (; nowMs < 1_000; nowMs += 10) progress.update(nowMs / 10)
    progress.end()
    return drawn
  }
  t.same(run(false), [])
  const drawn = run(true)
  t.equal(drawn.length, 11)
  t.equal(drawn.at(-1), '\r\x1b[2K')
  t.ok(drawn[1]?.startsWith('\r\x1b[2K##'))
  t.ok(run(true, 'reading')[1]?.startsWith('\r\x1b[2Kreading  ##'), 'what is done is said')
})
