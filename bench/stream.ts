/** Bytes a second of one stream between two processes: the project's transport beside plain libp2p. */
import { join } from 'node:path'
import { systemRandom, toHex } from '../src/util/index.ts'
import { median } from './bench.ts'
import { end, NODE_FLAGS, startUntil } from './process.ts'
import type { Benchmark } from './bench.ts'

const MEBIBYTE = 2 ** 20
const entry = join(import.meta.dirname, 'stream-main.ts')

export type StreamKind = 'stock' | 'mesh' | 'mesh-open'

export interface StreamRun {
  readonly seconds: number
  readonly senderCpuSeconds: number
  readonly receiverCpuSeconds: number
}

/** Moves so many bytes once, from one new process to another. */
export const runStream = async (kind: StreamKind, bytes: number): Promise<StreamRun> => {
  const psk = toHex(systemRandom.bytes(32))
  const node = (...args: string[]): string[] => [...NODE_FLAGS, entry, kind, psk, ...args]
  const receiver = await startUntil('listening', process.execPath, node())
  try {
    const address = receiver.line.replace('listening ', '')
    const sender = await startUntil('sent', process.execPath, node(address, String(bytes)))
    await end(sender)
    return JSON.parse(sender.line.replace('sent ', ''))
  } finally {
    await end(receiver)
  }
}

/** Runs each kind in turn, so that what else happens on the machine meets all of them. */
export const runStreams = async (
  kinds: readonly StreamKind[],
  { bytes, runs }: { bytes: number; runs: number },
): Promise<Map<StreamKind, StreamRun[]>> => {
  const results = new Map<StreamKind, StreamRun[]>(kinds.map((kind) => [kind, []]))
  for (let run = 0; run < runs; run++) {
    for (const kind of kinds) results.get(kind)?.push(await runStream(kind, bytes))
  }
  return results
}

export const benchmark: Benchmark = async (log, { bytes, runs }) => {
  log(`  ${runs} runs of each kind`)
  const results = await runStreams(['stock', 'mesh', 'mesh-open'], { bytes, runs })
  const figures = (kind: StreamKind) => {
    const all = results.get(kind) ?? []
    const of = (pick: (run: StreamRun) => number): number => median(all.map(pick))
    const mebibytes = bytes / MEBIBYTE
    return {
      perSecond: mebibytes / of(({ seconds }) => seconds),
      senderMs: (1000 * of(({ senderCpuSeconds }) => senderCpuSeconds)) / mebibytes,
      receiverMs: (1000 * of(({ receiverCpuSeconds }) => receiverCpuSeconds)) / mebibytes,
    }
  }
  const [stock, ours, open] = [figures('stock'), figures('mesh'), figures('mesh-open')]
  const shown = ({ perSecond, senderMs, receiverMs }: typeof stock): string =>
    `${perSecond.toFixed(0)} MiB/s, CPU ${senderMs.toFixed(1)} + ${receiverMs.toFixed(1)} ms a MiB`
  const cpu = (each: typeof stock): number => each.senderMs + each.receiverMs
  return [
    {
      what: `one stream of ${bytes / MEBIBYTE} MiB between two processes, pre-shared key and Noise`,
      measured: shown(ours),
      baseline: `plain libp2p, same layers: ${shown(stock)}`,
      ratio: (ours.perSecond / stock.perSecond).toFixed(2),
      goal: '≥ 1',
      reached: ours.perSecond >= stock.perSecond,
      data: { ...ours, stockPerSecond: stock.perSecond, stockSenderMs: stock.senderMs },
    },
    {
      what: 'the same: CPU that the pre-shared key costs, both sides together',
      measured: `${cpu(ours).toFixed(2)} ms a MiB`,
      baseline: `without a key: ${cpu(open).toFixed(2)} ms a MiB`,
      ratio: (cpu(ours) / cpu(open)).toFixed(2),
      goal: '≤ 1.4',
      reached: cpu(ours) <= 1.4 * cpu(open),
      data: { with: cpu(ours), without: cpu(open), openPerSecond: open.perSecond },
    },
  ]
}
