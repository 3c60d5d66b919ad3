/** How long a person waits for the command line. */
import { startCluster } from '../test/integration/cluster.ts'
import { median } from './bench.ts'
import { mesh, milliseconds, timeRun } from './process.ts'
import type { Benchmark, Row } from './bench.ts'

const RUNS = 15

export const benchmark: Benchmark = async (log) => {
  const cluster = await startCluster()
  try {
    const { socketPath } = cluster.nodes[0]
    const commands = [
      { what: '`mesh --help`', args: ['--help'], goalMs: 80 },
      { what: '`mesh status`', args: ['status', '--socket', socketPath], goalMs: 150 },
    ]
    const rows: Row[] = []
    for (const { what, args, goalMs } of commands) {
      const times: number[] = []
      const baselines: number[] = []
      // In turn, so that both meet the same weather; the first pair warms up.
      for (let run = 0; run <= RUNS; run++) {
        const baselineMs = await timeRun(process.execPath, ['-e', '0'])
        const timeMs = await timeRun(mesh, args)
        if (run === 0) continue
        baselines.push(baselineMs)
        times.push(timeMs)
      }
      const [timeMs, baselineMs] = [median(times), median(baselines)]
      log(`  ${what}: ${times.map((time) => time.toFixed(0)).join(' ')}`)
      rows.push({
        what,
        measured: milliseconds(timeMs),
        baseline: `\`node -e 0\`: ${milliseconds(baselineMs)}`,
        ratio: (timeMs / baselineMs).toFixed(2),
        goal: `≤ ${goalMs} ms`,
        reached: timeMs <= goalMs,
        data: { timeMs, baselineMs },
      })
    }
    return rows
  } finally {
    await cluster.stop()
  }
}
