/** Seeds that once found a fault, kept beyond those of the short tier. */
import t from 'tap'
import { runSeed } from './run.ts'
import { NAMES } from './signers.ts'

// By the names that seeds had then: with others they are other histories.
const FOUND = {
  826: 'a publication refused by the disk during a rebuild left an id in the index for good',
  879: 'two rounds at once blamed a peer for names that it had learnt again from a frame on its way for long',
}

for (const [seed, fault] of Object.entries(FOUND)) {
  t.test(`seed ${seed} no longer finds that ${fault}`, { timeout: 0 }, async (t) => {
    const { violations } = await runSeed(Number(seed), { names: NAMES })
    t.strictSame(violations, [])
  })
}
