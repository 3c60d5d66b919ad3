/** What moves when a small part of a large file changes. */
import { systemRandom } from '../src/util/index.ts'
import { median } from './bench.ts'
import { startFleet, timed, writtenBytes } from './fleet.ts'
import { overwrite, writeRandomFile } from './large-file.ts'
import { mebibytes } from './process.ts'
import type { Benchmark } from './bench.ts'

const MEBIBYTE = 2 ** 20
const CHANGED_BYTES = MEBIBYTE
const GOAL_BYTES = 8 * MEBIBYTE

export const benchmark: Benchmark = async (log, { bytes, runs }) => {
  const fleet = await startFleet(2)
  try {
    const [origin, reader] = fleet.nodes
    if (origin === undefined || reader === undefined) throw new Error('two nodes')
    await writeRandomFile(fleet.path, bytes)
    /** Both ways: what one writes beyond the upload, and what the other asks. */
    const publish = async (): Promise<{ movedBytes: number; seconds: number }> => {
      const before = writtenBytes(origin)
      await fleet.upload(origin)
      const seconds = await timed(() => fleet.shows(reader))
      return { movedBytes: writtenBytes(origin) - before - bytes, seconds }
    }
    const whole = await publish()
    const moved: number[] = []
    const seconds: number[] = []
    for (let run = 0; run < runs; run++) {
      const at = Math.floor(systemRandom.fraction() * (bytes - CHANGED_BYTES))
      await overwrite(fleet.path, at, CHANGED_BYTES)
      const changed = await publish()
      log(`  run ${run + 1} of ${runs}: ${mebibytes(changed.movedBytes)}`)
      moved.push(changed.movedBytes)
      seconds.push(changed.seconds)
    }
    const movedBytes = median(moved)
    return [
      {
        what: `one contiguous MiB changed in ${mebibytes(bytes)}: bytes moved, median of ${runs}`,
        measured: `${(movedBytes / MEBIBYTE).toFixed(1)} MiB, shown after ${median(seconds).toFixed(1)} s`,
        baseline: `its first version: ${mebibytes(whole.movedBytes)}, ${whole.seconds.toFixed(1)} s`,
        ratio: (movedBytes / whole.movedBytes).toFixed(4),
        goal: `≤ ${mebibytes(GOAL_BYTES)}`,
        reached: movedBytes <= GOAL_BYTES,
        data: { bytes, movedBytes, wholeBytes: whole.movedBytes, seconds: median(seconds) },
      },
    ]
  } finally {
    await fleet.stop()
  }
}
