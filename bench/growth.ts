/**
 * What a mesh and a catalogue cost as they grow: traffic of a node at rest with 10, 100 and 1,000 nodes
 * (simulated, on virtual time), and memory for each record (LMDB, in a process of its own, the pages of
 * the database that it maps included).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measureGrowth } from '../test/sim/growth.ts'
import { fillTree, memoryToRead } from './stored-tree.ts'
import type { Benchmark, Row } from './bench.ts'

const NODES = [10, 100, 1_000]
const RECORDS = 100_000
const MAX_RECORD_BYTES = 1_024
/** A node of a mesh of any size may spend at rest so many times what one of ten spends. */
const MAX_GROWTH = 3
const PUSH_PULL = '/mesh/push-pull/1'

/** RSS of a process that has read all of it. */
const memoryWith = async (directory: string, count: number): Promise<number> => {
  const path = join(directory, `${count}`)
  await fillTree(path, count)
  return memoryToRead(path)
}

export const measureMemory = async (): Promise<Row> => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-bench-'))
  try {
    const [emptyBytes, fullBytes] = [
      await memoryWith(directory, 0),
      await memoryWith(directory, RECORDS),
    ]
    const bytes = (fullBytes - emptyBytes) / RECORDS
    return {
      what: 'memory for each of 100,000 records in the database, tree and mapped pages included',
      measured: `${bytes.toFixed(0)} B`,
      baseline: `no records: ${(emptyBytes / 2 ** 20).toFixed(0)} MiB`,
      ratio: (fullBytes / emptyBytes).toFixed(2),
      goal: '≤ 1 KB',
      reached: bytes <= MAX_RECORD_BYTES,
      data: { bytes, emptyBytes, fullBytes },
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export const benchmark: Benchmark = async (log) => {
  const rows = [await measureMemory()]
  let fewest: number | undefined
  for (const nodes of NODES) {
    const { restBytes, byProtocol, violations } = await measureGrowth(nodes)
    const [, bytes] = restBytes
    const syncBytes = byProtocol[PUSH_PULL] ?? 0
    log(`  ${nodes} nodes: ${JSON.stringify(byProtocol)}`)
    if (violations.length > 0) throw new Error(violations.join('; '))
    fewest ??= bytes
    rows.push({
      what: `what one of ${nodes.toLocaleString('en')} nodes sends at rest in ten minutes (simulated, frames)`,
      measured: `${bytes.toLocaleString('en')} B, of which sync ${syncBytes.toLocaleString('en')} B`,
      baseline: `one of ${NODES[0]}: ${fewest.toLocaleString('en')} B`,
      ratio: (bytes / fewest).toFixed(2),
      goal: `≤ ${MAX_GROWTH} ×`,
      reached: bytes <= MAX_GROWTH * fewest,
      data: { nodes, bytes, syncBytes },
    })
  }
  return rows
}
