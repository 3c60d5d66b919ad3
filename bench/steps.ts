/**
 * Where the processor's time goes while a file travels from the disk of whoever signs it to the disk of
 * another node, step by step. CPU for each MiB hardly depends on what else the machine does; seconds do.
 */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { run, until } from '../test/integration/cluster.ts'
import { createDigester } from '../src/util/index.ts'
import { median } from './bench.ts'
import { NAME, PATIENCE_MS, startFleet } from './fleet.ts'
import { writeRandomFile } from './large-file.ts'
import { mebibytes, mesh } from './process.ts'
import type { ClusterNode } from '../test/integration/cluster.ts'
import type { Benchmark, Row } from './bench.ts'

const MEBIBYTE = 2 ** 20
const PIECE_BYTES = 64 * 1024
/** Of the clock in which the kernel counts: 100 a second on every Linux of today. */
const TICK_MS = 10

/** CPU that a process has taken so far; `children`: those that have ended. */
const cpuOf = (pid: number | 'self', children = false): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const first = children ? 13 : 11
  return (Number(fields[first]) + Number(fields[first + 1])) * TICK_MS
}

interface Cost {
  readonly seconds: number
  readonly cpuMs: Readonly<Record<string, number>>
}

/** Runs something and says what each of the processes took meanwhile. */
const costOf = async (
  processes: Readonly<Record<string, () => number>>,
  work: () => Promise<unknown>,
): Promise<Cost> => {
  const entries = Object.entries(processes)
  const before = entries.map(([, cpu]) => cpu())
  const beganMs = performance.now()
  await work()
  const seconds = (performance.now() - beganMs) / 1000
  const cpuMs = entries.map(([name, cpu], index) => [name, cpu() - (before[index] ?? 0)] as const)
  return { seconds, cpuMs: Object.fromEntries(cpuMs) }
}

/** CPU of hashing so many bytes once: what all the rest is a multiple of. */
const hashOnce = (bytes: number): number => {
  const piece = new Uint8Array(PIECE_BYTES)
  const before = process.cpuUsage()
  const digester = createDigester()
  for (let done = 0; done < bytes; done += PIECE_BYTES) digester.update(piece)
  digester.digest()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

const command = async (args: readonly string[]): Promise<void> => {
  const { code, err } = await run(mesh, args, { timeoutMs: PATIENCE_MS })
  if (code !== 0) throw new Error(`mesh ${args.join(' ')} ended with ${code}: ${err}`)
}

/** Waits until a node shows what the statement is about, durable. */
const shows = (node: ClusterNode, statement: string, sizeBytes: number): Promise<unknown> => {
  const wanted = readFileSync(statement, 'utf8')
  const path = join(node.stateDir, 'statements', NAME)
  return until(
    `${node.name} to show it`,
    () =>
      statSync(node.file(NAME), { throwIfNoEntry: false })?.size === sizeBytes &&
      statSync(path, { throwIfNoEntry: false }) !== undefined &&
      readFileSync(path, 'utf8') === wanted,
    PATIENCE_MS,
  )
}

type Step = 'sign' | 'upload' | 'transfer'
type Steps = Readonly<Record<Step, Cost>>

export const benchmark: Benchmark = async (log, { bytes, runs }) => {
  const fleet = await startFleet(2)
  const size = mebibytes(bytes)
  const perMebibyte = (ms: number): number => (ms * MEBIBYTE) / bytes
  const found: Steps[] = []
  const hashes: number[] = []
  try {
    const [origin, receiver] = fleet.nodes
    if (origin === undefined || receiver === undefined) throw new Error('two nodes')
    const cpu = (node: ClusterNode) => (): number => cpuOf(node.pid)
    const processes = {
      cli: () => cpuOf('self', true),
      origin: cpu(origin),
      receiver: cpu(receiver),
    }
    const { signerPath } = fleet.cluster
    const statement = join(fleet.cluster.directory, 'signed.stmt')
    const daemon = ['--socket', origin.socketPath, '--name', NAME]
    // The first one finds the programs cold.
    for (let index = 0; index <= runs; index++) {
      await writeRandomFile(fleet.path, bytes)
      const update = ['file', 'update', fleet.path, ...daemon]
      const sign = await costOf(processes, () =>
        command([...update, '--key', signerPath, '--statement-only', '-f', '-o', statement]),
      )
      const both = await costOf(processes, () => command([...update, '--statement', statement]))
      const upload = {
        seconds: both.seconds - sign.seconds,
        cpuMs: { ...both.cpuMs, cli: (both.cpuMs.cli ?? 0) - (sign.cpuMs.cli ?? 0) },
      }
      const transfer = await costOf(processes, () => shows(receiver, statement, bytes))
      const steps = { sign, upload, transfer }
      log(`  run ${index}: ${JSON.stringify(steps)}`)
      if (index === 0) continue
      found.push(steps)
      hashes.push(perMebibyte(hashOnce(bytes)))
    }
  } finally {
    await fleet.stop()
  }
  const hash = median(hashes)
  const rowOf = (step: Step, process: 'cli' | 'origin' | 'receiver', what: string): Row => {
    const ms = median(found.map((steps) => perMebibyte(steps[step].cpuMs[process] ?? 0)))
    return {
      what: `${size}, CPU a MiB: ${what}`,
      measured: `${ms.toFixed(2)} ms`,
      baseline: `SHA-256 of it once: ${hash.toFixed(2)} ms`,
      ratio: (ms / hash).toFixed(1),
      goal: '-',
      reached: true,
      data: { msPerMebibyte: ms, hashMsPerMebibyte: hash },
    }
  }
  const seconds = (step: Step): number => median(found.map((steps) => steps[step].seconds))
  log(
    `  seconds: sign ${seconds('sign').toFixed(2)}, upload ${seconds('upload').toFixed(2)}, transfer ${seconds('transfer').toFixed(2)}`,
  )
  return [
    rowOf('sign', 'cli', 'the command reads, cuts, hashes and signs'),
    rowOf('upload', 'cli', 'the command sends'),
    rowOf('upload', 'origin', 'the daemon takes it in'),
    rowOf('transfer', 'origin', 'the daemon gives it to a peer'),
    rowOf('transfer', 'receiver', 'the peer takes it'),
  ]
}
