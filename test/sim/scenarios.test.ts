/** Histories made for one promise each; sim.test.ts draws all others. */
import t from 'tap'
import { SCENARIOS } from './scenarios.ts'

t.setTimeout(60 * 60_000)

for (const { title, run } of SCENARIOS) {
  t.test(title, { timeout: 0 }, async (t) => t.strictSame(await run(), []))
}
