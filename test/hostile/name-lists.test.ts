import t from 'tap'
import { sha256 } from '../../src/util/index.ts'
import { startCluster } from '../integration/cluster.ts'
import { createHostileMember } from './hostile-member.ts'
import { forgetPeak, MAX_GROWTH_BYTES, memoryOf } from './resources.ts'
import { digestOfNames, DONE, namesPage, offerNames, PUSH_PULL, round } from './wire.ts'
import type { FrameStream } from '../../src/transport/index.ts'

const NAMES = 180_000
/** As many as are taken at once; the next one would have to wait. */
const LISTS = process.env.MESH_TEST_TIER === 'soak' ? 30 : 5

/** Names of one frame: each has at most 20 bytes, and a frame 256 KiB. */
const PAGE_NAMES = 10_000

const says = async (stream: FrameStream, message: Uint8Array, answer: number): Promise<void> => {
  await stream.send(message)
  const frame = await stream.receive()
  if (frame?.[0] !== answer) throw new Error(`${frame?.[0]} instead of ${answer}`)
}

/** One round in which a list of names that nobody has heard of is told and used. */
const tellNames = async (stream: FrameStream, salt: string): Promise<void> => {
  const names = Array.from({ length: NAMES }, (_, index) => `${salt}/${index}`).sort()
  const begin = round(sha256(salt))
  await says(stream, begin, PUSH_PULL.differs)
  await says(stream, offerNames(digestOfNames(names)), PUSH_PULL.getNames)
  let at = 0
  for (; at + PAGE_NAMES < NAMES; at += PAGE_NAMES) {
    await stream.send(namesPage(names.slice(at, at + PAGE_NAMES), false))
  }
  await says(stream, namesPage(names.slice(at), true), PUSH_PULL.done)
  await says(stream, begin, PUSH_PULL.differs)
  await stream.send(DONE)
}

t.test(
  `ever-new lists of ${NAMES} names do not fill a daemon`,
  { timeout: LISTS * 60_000 + 120_000 },
  async (t) => {
    const cluster = await startCluster()
    t.teardown(cluster.stop)
    const [victim] = cluster.nodes
    const member = await createHostileMember(cluster, victim)
    t.teardown(() => member.stop())
    const before = memoryOf(victim)
    forgetPeak(victim)
    const stream = await member.open('/mesh/push-pull/1')
    for (let list = 0; list < LISTS; list++) await tellNames(stream, `list-${list}`)
    const growthBytes = memoryOf(victim).peakBytes - before.nowBytes
    const facts = `${LISTS} lists: ${Math.round(growthBytes / 2 ** 20)} MiB above ${Math.round(before.nowBytes / 2 ** 20)} MiB at the peak`
    t.comment(facts)
    t.ok(growthBytes <= MAX_GROWTH_BYTES, facts)
  },
)
