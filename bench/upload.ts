/** Memory of a daemon while curl uploads a large file into it. */
import { join } from 'node:path'
import { curlHeaders, run, sign, startCluster } from '../test/integration/cluster.ts'
import { describeFile, writeRandomFile } from './large-file.ts'
import { end, mebibytes, memoryOf, mesh, pause, startUntil } from './process.ts'
import type { Benchmark } from './bench.ts'

/** As large as four of the files that the other benchmarks move. */
const UPLOADS = 4
const NAME = 'large.bin'
const SAMPLE_MS = 20
const GOAL_BYTES = 64 * 2 ** 20

export const benchmark: Benchmark = async (log, { bytes }) => {
  const sizeBytes = UPLOADS * bytes
  const cluster = await startCluster({ files: [NAME], maxSize: '64GiB' })
  try {
    for (const node of cluster.nodes) await node.stop()
    const [node] = cluster.nodes
    const path = join(cluster.directory, NAME)
    log(`  making ${mebibytes(sizeBytes)}`)
    await writeRandomFile(path, sizeBytes)
    const fields = await describeFile(path)
    const daemon = await startUntil('"msg":"ready"', mesh, ['server', '--config', node.configPath])
    await pause(3000)
    const idleBytes = memoryOf(daemon.pid).nowBytes
    let peakBytes = 0
    const sampler = setInterval(() => {
      peakBytes = Math.max(peakBytes, memoryOf(daemon.pid).nowBytes)
    }, SAMPLE_MS)
    const signed = await sign(cluster, NAME, '', fields)
    const beganMs = performance.now()
    const url = `${JSON.parse(daemon.line).http[0]}/files/${NAME}`
    const args = ['-sS', '--fail-with-body', '-T', path, ...curlHeaders(signed), url]
    const { code, err } = await run('curl', args, { timeoutMs: 600_000 })
    const seconds = (performance.now() - beganMs) / 1000
    clearInterval(sampler)
    if (code !== 0) throw new Error(`curl ended with ${code}: ${err}`)
    await end(daemon)
    const aboveBytes = peakBytes - idleBytes
    return [
      {
        what: `HTTP upload of ${mebibytes(sizeBytes)} with curl, streaming: memory above idle`,
        measured: `${mebibytes(aboveBytes)} (${(sizeBytes / 2 ** 20 / seconds).toFixed(0)} MiB/s)`,
        baseline: `the same daemon idle: ${mebibytes(idleBytes)}`,
        ratio: (peakBytes / idleBytes).toFixed(2),
        goal: `≤ ${mebibytes(GOAL_BYTES)}`,
        reached: aboveBytes <= GOAL_BYTES,
        data: { idleBytes, peakBytes, seconds },
      },
    ]
  } finally {
    await cluster.stop()
  }
}
