/** Seeds that once found a fault, kept beyond those of the short tier. */
import t from 'tap'
import { runSeed } from './run.ts'
import { NAMES } from './signers.ts'

/** By the names that seeds had then: with others they are other histories. */
const FOUND = [
  [
    826,
    NAMES,
    'a publication refused by the disk during a rebuild left an id in the index for good',
  ],
  [
    879,
    NAMES,
    'two rounds at once blamed a peer for names that it had learnt again from a frame on its way for long',
  ],
  [332, undefined, 'what ends between two looks at the clock is shown until the second one'],
] as const

for (const [seed, names, fault] of FOUND) {
  t.test(`seed ${seed} no longer finds that ${fault}`, { timeout: 0 }, async (t) => {
    const { violations } = await runSeed(seed, names === undefined ? {} : { names })
    t.strictSame(violations, [])
  })
}
