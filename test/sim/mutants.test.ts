/** The simulation notices what it is there to notice. */
import t from 'tap'
import { MUTANTS, tryScenarios, trySeeds } from './mutants.ts'
import type { Test } from 'tap'
import type { Mutant, Noticed } from './mutants.ts'

t.setTimeout(60 * 60_000)

const skip = process.env.MESH_TEST_TIER === 'soak' ? false : 'only in the long tier'

const look = (t: Test, { notices }: Mutant, found: Noticed | undefined): void => {
  const noticed = found?.violations.find((each) => notices.test(each))
  t.ok(noticed !== undefined, noticed ?? `it was not noticed: ${found?.violations[0]}`)
}

for (const mutant of MUTANTS) {
  if (mutant.quick === true) {
    t.test(`a scenario fails when ${mutant.what}`, { timeout: 0 }, async (t) => {
      look(t, mutant, await tryScenarios(mutant))
    })
  } else {
    t.test(`a seed fails when ${mutant.what}`, { skip, timeout: 0 }, async (t) => {
      look(t, mutant, await trySeeds(mutant))
    })
  }
}
