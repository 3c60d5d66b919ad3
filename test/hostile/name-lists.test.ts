import t from 'tap'
import { decodePushPull, encodePushPull } from '../../src/sync/push-pull/messages.ts'
import { digestOfNames, pagesOf } from '../../src/sync/push-pull/names.ts'
import { sha256 } from '../../src/util/index.ts'
import { startCluster } from '../integration/cluster.ts'
import { createHostileMember } from './hostile-member.ts'
import { memoryOf } from './resources.ts'
import type { PushPullMessage } from '../../src/sync/push-pull/messages.ts'
import type { FrameStream } from '../../src/transport/index.ts'

const NAMES = 180_000
/** As many as are taken at once; the next one would have to wait. */
const LISTS = process.env.MESH_TEST_TIER === 'soak' ? 30 : 5
/** What the lists may add to a daemon at rest, at its peak. It was 600 to 780 MB when they were kept. */
const MAX_GROWTH_BYTES = 256 * 2 ** 20

const says = async <T extends PushPullMessage['type']>(
  stream: FrameStream,
  message: PushPullMessage,
  ...types: readonly T[]
): Promise<void> => {
  await stream.send(encodePushPull(message))
  const frame = await stream.receive()
  const type = frame === undefined ? 'the end' : decodePushPull(frame).type
  if (!types.some((each) => each === type)) throw new Error(`${type} instead of ${types}`)
}

/** One round in which a list of names that nobody has heard of is told and used. */
const tellNames = async (stream: FrameStream, salt: string): Promise<void> => {
  const names = Array.from({ length: NAMES }, (_, index) => `${salt}/${index}`).sort()
  const round = { type: 'round', collection: 'files', state: sha256(salt) } as const
  await says(stream, round, 'differs')
  await says(stream, { type: 'offer-names', names: digestOfNames(names) }, 'get-names')
  const pages = pagesOf(names)
  for (const page of pages.slice(0, -1)) {
    await stream.send(encodePushPull({ type: 'names', last: false, names: page }))
  }
  await says(stream, { type: 'names', last: true, names: pages.at(-1) ?? [] }, 'done')
  await says(stream, round, 'differs')
  await stream.send(encodePushPull({ type: 'done' }))
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
    const stream = await member.open('/mesh/push-pull/1')
    for (let list = 0; list < LISTS; list++) await tellNames(stream, `list-${list}`)
    const growthBytes = memoryOf(victim).peakBytes - before.nowBytes
    const facts = `${LISTS} lists: ${Math.round(growthBytes / 2 ** 20)} MiB above ${Math.round(before.nowBytes / 2 ** 20)} MiB at the peak`
    t.comment(facts)
    t.ok(growthBytes <= MAX_GROWTH_BYTES, facts)
  },
)
