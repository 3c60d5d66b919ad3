import t from 'tap'
import { createContext } from '../../src/cli/context.ts'
import { createProgress, formatProgress } from '../../src/cli/progress.ts'

t.test('draws how far it is, and how fast', async (t) => {
  t.equal(
    formatProgress(512 * 2 ** 20, 2 ** 30, 4_000),
    '######------------------  50%  512 MiB of 1 GiB  128 MiB/s'.replace(
      '######------------------',
      `${'#'.repeat(12)}${'-'.repeat(12)}`,
    ),
  )
  t.match(formatProgress(0, 0, 0), /100% {2}0 B of 0 B$/)
})

t.test('draws at most ten times a second, and only where somebody is looking', async (t) => {
  const run = (interactive: boolean): string[] => {
    const drawn: string[] = []
    let nowMs = 0
    const context = createContext()
    const err = {
      ...context.err,
      interactive,
      write: async (text: string | Uint8Array) => void drawn.push(String(text)),
    }
    const clock = { ...context.clock, monotonicMs: () => nowMs }
    const progress = createProgress({ ...context, err, clock, signal: AbortSignal.abort() }, 100)
    for (; nowMs < 1_000; nowMs += 10) progress.update(nowMs / 10)
    progress.end()
    return drawn
  }
  t.same(run(false), [])
  const drawn = run(true)
  t.equal(drawn.length, 11)
  t.equal(drawn.at(-1), '\r\x1b[2K')
})
