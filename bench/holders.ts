/** A large file from three holders, of which one dies and one lies, beside three honest ones. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../src/client/index.ts'
import { until } from '../test/integration/cluster.ts'
import { median } from './bench.ts'
import { NAME, PATIENCE_MS, startFleet, timed } from './fleet.ts'
import { writeRandomFile } from './large-file.ts'
import { mebibytes, NODE_FLAGS } from './process.ts'
import type { Benchmark } from './bench.ts'

const GOAL = 1.5
const HOLDERS = 3
/** How much of it has come when a holder dies. */
const DIES_AT = 0.3

/** Seconds from a reader that has just started until it shows the file. */
const measure = async (bytes: number, harm: boolean): Promise<number> => {
  let liar = false
  const fleet = await startFleet(HOLDERS + 1, {
    nodeArguments: [...NODE_FLAGS, '--import', join(import.meta.dirname, 'liar.ts')],
    envOf: (index) => ({ MESH_BENCH_LIAR: liar && index === 1 ? '1' : '' }),
  })
  try {
    const [origin, second, third, reader] = fleet.nodes
    if (origin === undefined || second === undefined) throw new Error('four nodes')
    if (third === undefined || reader === undefined) throw new Error('four nodes')
    await reader.stop()
    await writeRandomFile(fleet.path, bytes)
    await fleet.upload(origin)
    for (const holder of [second, third]) await fleet.shows(holder)
    if (harm) {
      liar = true
      await second.stop()
      await second.start()
    }
    await reader.start()
    const client = createClient({ socketPath: reader.socketPath })
    /** Whether so much of it is here; a refused connection is asked again. */
    const has = async (wantedBytes: number): Promise<boolean> => {
      if (isShown(reader.file(NAME))) return true
      const { receiving } = await client.transfers()
      return (receiving[0]?.doneBytes ?? 0) > wantedBytes
    }
    return await timed(async () => {
      const dies = async (): Promise<void> => {
        await until('a part of it to come', () => has(bytes * DIES_AT), PATIENCE_MS)
        await third.kill()
      }
      await Promise.all([harm ? dies() : undefined, fleet.shows(reader)])
    })
  } finally {
    await fleet.stop()
  }
}

const isShown = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

export const benchmark: Benchmark = async (log, { bytes, runs }) => {
  const honest: number[] = []
  const harmed: number[] = []
  for (let run = 0; run < runs; run++) {
    honest.push(await measure(bytes, false))
    harmed.push(await measure(bytes, true))
    log(
      `  run ${run + 1} of ${runs}: ${honest.at(-1)?.toFixed(1)} and ${harmed.at(-1)?.toFixed(1)} s`,
    )
  }
  const [good, bad] = [median(honest), median(harmed)]
  return [
    {
      what: `${mebibytes(bytes)} from three holders, one of which dies and one of which sends wrong blocks`,
      measured: `${bad.toFixed(1)} s`,
      baseline: `three honest holders: ${good.toFixed(1)} s`,
      ratio: (bad / good).toFixed(2),
      goal: `≤ ${GOAL}`,
      reached: bad <= GOAL * good,
      data: { bytes, harmedSeconds: bad, honestSeconds: good },
    },
  ]
}
