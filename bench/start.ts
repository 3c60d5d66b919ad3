/** How soon a daemon is ready, and what it weighs when idle. */
import { join } from 'node:path'
import { startCluster } from '../test/integration/cluster.ts'
import { median } from './bench.ts'
import {
  end,
  mebibytes,
  memoryOf,
  mesh,
  milliseconds,
  pause,
  startUntil,
  NODE_FLAGS,
} from './process.ts'
import type { Benchmark } from './bench.ts'

const RUNS = 7
/** After which a process counts as idle. */
const SETTLE_MS = 3000
const FLAGS = NODE_FLAGS

const measure = async (word: string, program: string, args: readonly string[]) => {
  const started = await startUntil(word, program, args)
  await pause(SETTLE_MS)
  const { nowBytes } = memoryOf(started.pid)
  await end(started)
  return { readyMs: started.readyMs, idleBytes: nowBytes }
}

export const benchmark: Benchmark = async (log) => {
  const cluster = await startCluster()
  try {
    const [node] = cluster.nodes
    await node.stop()
    const daemon = () => measure('"msg":"ready"', mesh, ['server', '--config', node.configPath])
    const alone = join(import.meta.dirname, 'libraries-alone.ts')
    const libraries = () => measure('loaded', process.execPath, [...FLAGS, alone])
    // The first of each fills the compile cache.
    await libraries()
    await daemon()
    const runs = []
    for (let run = 0; run < RUNS; run++) {
      runs.push({ libraries: await libraries(), daemon: await daemon() })
      log(`  run ${run + 1}: ready after ${runs[run]?.daemon.readyMs.toFixed(0)} ms`)
    }
    const readyMs = median(runs.map((run) => run.daemon.readyMs))
    const loadedMs = median(runs.map((run) => run.libraries.readyMs))
    const idleBytes = median(runs.map((run) => run.daemon.idleBytes))
    const aloneBytes = median(runs.map((run) => run.libraries.idleBytes))
    return [
      {
        what: 'daemon, start to ready',
        measured: milliseconds(readyMs),
        baseline: `libraries alone: ${milliseconds(loadedMs)}`,
        ratio: (readyMs / loadedMs).toFixed(2),
        goal: '≤ 500 ms',
        reached: readyMs <= 500,
        data: { readyMs, loadedMs },
      },
      {
        what: `daemon, idle memory (RSS, \`${FLAGS.join(' ')}\`)`,
        measured: mebibytes(idleBytes),
        baseline: `libraries alone: ${mebibytes(aloneBytes)}`,
        ratio: (idleBytes / aloneBytes).toFixed(2),
        goal: '≤ 130 MiB',
        reached: idleBytes <= 130 * 2 ** 20,
        data: { idleBytes, aloneBytes },
      },
    ]
  } finally {
    await cluster.stop()
  }
}
