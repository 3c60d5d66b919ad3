/** The other half of the seeds of sim.test.ts. */
import t from 'tap'
import { testSeeds } from './suite.ts'

testSeeds(t, 1)
