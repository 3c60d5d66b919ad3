/** The simulation notices what it is there to notice; only in the long tier. */
import t from 'tap'
import { MUTANTS, tryMutant } from './mutants.ts'

const skip = process.env.MESH_TEST_TIER === 'soak' ? false : 'only in the long tier'

for (const mutant of MUTANTS) {
  t.test(`a seed fails when ${mutant.what}`, { skip, timeout: 0 }, async (t) => {
    const found = await tryMutant(mutant)
    const noticed = found?.violations.find((each) => mutant.notices.test(each))
    t.ok(noticed !== undefined, noticed ?? `it was not noticed: ${found?.violations[0]}`)
  })
}
