import t from 'tap'
import { startCluster } from '../integration/cluster.ts'
import { openRaw } from './raw-member.ts'
import { forgetPeak, MAX_GROWTH_BYTES, memoryOf } from './resources.ts'

/** Not so small that too many of them are a breach. */
const PIECE_BYTES = 64
/** With a piece and two headers, as much as fits into one message of Noise. */
const FILLER_BYTES = 64_000
const PIECES = 4_000
const FRAME_BYTES = 256 * 2 ** 10
const MIB = 2 ** 20

t.test('a frame that never ends keeps its bytes, and not what they came with', async (t) => {
  const cluster = await startCluster({ count: 3, files: ['hello.txt'] })
  t.teardown(cluster.stop)
  const [node] = cluster.nodes
  const member = await openRaw(cluster, node, 'pieces')
  t.teardown(member.stop)
  const before = memoryOf(node).nowBytes
  forgetPeak(node)
  const first = Buffer.alloc(PIECE_BYTES)
  first.writeUInt32LE(FRAME_BYTES)
  const others = Array.from({ length: PIECES }, () => Buffer.alloc(PIECE_BYTES))
  await member.drip('/mesh/announce/1', [first, ...others], FILLER_BYTES)
  const growth = memoryOf(node).peakBytes - before
  t.ok(growth <= MAX_GROWTH_BYTES, `${(growth / MIB).toFixed()} MiB for ${PIECES} pieces`)
  t.ok(growth > 0)
  t.equal(await node.stop(), 0)
})
