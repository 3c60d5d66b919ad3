/** A mesh at rest costs each of its nodes the same, however many they are. */
import t from 'tap'
import { measureGrowth } from './growth.ts'

const isSoak = process.env.MESH_TEST_TIER === 'soak'
const PUSH_PULL = '/mesh/push-pull/1'
/** News of peers grows until a message of it is full, and then no more. */
const MAX_REST_BYTES = 12 * 2 ** 10

t.test(
  'traffic at rest depends neither on the count of nodes nor on time',
  { timeout: 0 },
  async (t) => {
    const found = []
    for (const nodes of isSoak ? [10, 100, 1_000] : [10, 100]) {
      const growth = await measureGrowth(nodes)
      found.push(growth)
      t.same(growth.violations, [])
      t.comment(
        `${nodes} nodes: ${growth.restBytes.join(', then ')} bytes a node in ten minutes at rest, ${JSON.stringify(growth.byProtocol)}; six uploads everywhere within ${(growth.spreadingMs ?? Number.NaN) + 250} virtual ms`,
      )
      const [before, after] = growth.restBytes
      t.ok(after < MAX_REST_BYTES && after < 1.3 * before + 500, `${before}, then ${after} bytes`)
      t.ok((growth.spreadingMs ?? Number.POSITIVE_INFINITY) < 5_000)
    }
    const rounds = found.map(({ byProtocol }) => byProtocol[PUSH_PULL] ?? 0)
    // Less is as well: the interval is stretched with the size of the mesh.
    t.ok(Math.max(...rounds) < 1.3 * (rounds[0] ?? 0), `push-pull: ${rounds.join(', ')} bytes`)
  },
)
