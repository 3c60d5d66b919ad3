/** Memory of a daemon while curl uploads a large file into it. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { createDigester } from '../src/util/index.ts'
import { curlHeaders, run, sign, startCluster } from '../test/integration/cluster.ts'
import { end, mebibytes, memoryOf, mesh, pause, startUntil } from './process.ts'
import type { Digest } from '../src/util/index.ts'
import type { Benchmark } from './bench.ts'

const SIZE_BYTES = 4 * 2 ** 30
const NAME = 'large.bin'
const SAMPLE_MS = 20
const GOAL_BYTES = 64 * 2 ** 20

/** A file of bytes that no file system can leave out, and its digest. */
const makeFile = async (path: string): Promise<Digest> => {
  const digester = createDigester()
  const chunk = Buffer.alloc(4 * 2 ** 20)
  const file = await open(path, 'w')
  for (let at = 0; at < SIZE_BYTES; at += chunk.length) {
    for (let word = 0; word < chunk.length; word += 4096) chunk.writeDoubleLE(at + word + 0.5, word)
    digester.update(chunk)
    await file.write(chunk)
  }
  await file.close()
  return digester.digest()
}

export const benchmark: Benchmark = async (log) => {
  const cluster = await startCluster({ files: [NAME], maxSize: '4GiB' })
  try {
    for (const node of cluster.nodes) await node.stop()
    const [node] = cluster.nodes
    const path = join(cluster.directory, NAME)
    log(`  making ${mebibytes(SIZE_BYTES)}`)
    const digest = await makeFile(path)
    const daemon = await startUntil('"msg":"ready"', mesh, ['server', '--config', node.configPath])
    await pause(3000)
    const idleBytes = memoryOf(daemon.pid).nowBytes
    let peakBytes = 0
    const sampler = setInterval(() => {
      peakBytes = Math.max(peakBytes, memoryOf(daemon.pid).nowBytes)
    }, SAMPLE_MS)
    const signed = await sign(cluster, NAME, '', {
      content: { digest, sizeBytes: SIZE_BYTES },
    })
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
        what: `HTTP upload of ${mebibytes(SIZE_BYTES)} with curl, streaming: memory above idle`,
        measured: `${mebibytes(aboveBytes)} (${(SIZE_BYTES / 2 ** 20 / seconds).toFixed(0)} MiB/s)`,
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
