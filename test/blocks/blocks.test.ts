import t from 'tap'
import { testBlocks } from '../contracts/blocks.ts'
import { memoryGround, realGround } from './fixture.ts'

const SOAK = process.env.MESH_TEST_TIER === 'soak'

testBlocks(t, 'blocks in memory', memoryGround, 1_000)
testBlocks(t, 'blocks over LMDB and a real disk', realGround, SOAK ? 100_000 : 10_000)
