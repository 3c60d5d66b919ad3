/** What an origin sends when eight nodes want what it has. */
import { startFleet, timed, writtenBytes } from './fleet.ts'
import { writeRandomFile } from './large-file.ts'
import { mebibytes } from './process.ts'
import type { Benchmark } from './bench.ts'

const READERS = 8
const GOAL = 1.5

export const benchmark: Benchmark = async (log, { bytes }) => {
  const fleet = await startFleet(READERS + 1)
  try {
    const [origin, ...readers] = fleet.nodes
    if (origin === undefined) throw new Error('no origin')
    await writeRandomFile(fleet.path, bytes)
    const before = { written: writtenBytes(origin) }
    await fleet.upload(origin)
    log(`  uploaded; waiting for ${READERS} readers`)
    const seconds = await timed(() => Promise.all(readers.map((reader) => fleet.shows(reader))))
    // The upload itself was written once, to the disk.
    const sentBytes = writtenBytes(origin) - before.written - bytes
    const copies = sentBytes / bytes
    return [
      {
        what: `${mebibytes(bytes)} from one origin to ${READERS} nodes: what the origin sends`,
        measured: `${copies.toFixed(2)} copies, all have it after ${seconds.toFixed(1)} s`,
        baseline: `the origin gives each its own: ${READERS} copies`,
        ratio: (copies / READERS).toFixed(2),
        goal: `≤ ${GOAL} copies`,
        reached: copies <= GOAL,
        data: { bytes, sentBytes, seconds, readers: READERS },
      },
    ]
  } finally {
    await fleet.stop()
  }
}
