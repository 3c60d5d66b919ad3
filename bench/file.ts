/** A large file from one daemon to another, beside the bare stream under it and beside Syncthing. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from './bench.ts'
import { startFleet, timed } from './fleet.ts'
import { writeRandomFile } from './large-file.ts'
import { mebibytes } from './process.ts'
import { runStream } from './stream.ts'
import { startSyncthing, syncthingVersion } from './syncthing.ts'
import type { Benchmark, Row } from './bench.ts'

const MEBIBYTE = 2 ** 20
const GOAL = 0.85

/** One file handed to one program until it is complete at the other. */
interface Times {
  /** From the first byte of the upload (or the beginning of the scan) on. */
  readonly totalSeconds: number
  /** From the moment on at which the first program has all of it. */
  readonly transferSeconds: number
}

const measureMesh = async (bytes: number, count: number): Promise<Times[]> => {
  const fleet = await startFleet(2)
  try {
    const [origin, receiver] = fleet.nodes
    if (origin === undefined || receiver === undefined) throw new Error('two nodes')
    const times: Times[] = []
    for (let index = 0; index < count; index++) {
      await writeRandomFile(fleet.path, bytes)
      const uploadSeconds = await timed(() => fleet.upload(origin))
      const transferSeconds = await timed(() => fleet.shows(receiver))
      times.push({ totalSeconds: uploadSeconds + transferSeconds, transferSeconds })
    }
    return times
  } finally {
    await fleet.stop()
  }
}

const measureSyncthing = async (bytes: number, count: number): Promise<Times[]> => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-bench-'))
  try {
    const pair = await startSyncthing(directory)
    try {
      const times: Times[] = []
      for (let index = 0; index < count; index++) {
        await writeRandomFile(join(directory, 'new'), bytes)
        times.push(await pair.move(join(directory, 'new'), `large-${index}.bin`))
      }
      return times
    } finally {
      await pair.stop()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export const benchmark: Benchmark = async (log, { bytes, runs }) => {
  const size = mebibytes(bytes)
  const perSecond = (seconds: number): number => bytes / MEBIBYTE / seconds
  const rate = (seconds: number): string => `${perSecond(seconds).toFixed(0)} MiB/s`
  const version = await syncthingVersion()
  const streams = { stock: [] as number[], mesh: [] as number[] }
  const mesh: Times[] = []
  const syncthing: Times[] = []
  // In turn, so that what else happens on the machine meets all of them.
  for (let index = 0; index < runs; index++) {
    log(`  run ${index + 1} of ${runs}`)
    streams.stock.push((await runStream('stock', bytes)).seconds)
    streams.mesh.push((await runStream('mesh', bytes)).seconds)
    mesh.push(...(await measureMesh(bytes, 1)))
    if (version !== undefined) syncthing.push(...(await measureSyncthing(bytes, 1)))
  }
  const transfer = median(mesh.map(({ transferSeconds }) => transferSeconds))
  const total = median(mesh.map(({ totalSeconds }) => totalSeconds))
  const stock = median(streams.stock)
  const own = median(streams.mesh)
  const rows: Row[] = [
    {
      what: `${size} between two daemons, pre-shared key and Noise, durable at the receiver`,
      measured: rate(transfer),
      baseline: `the raw libp2p stream with the same layers: ${rate(stock)}; the stream of mesh: ${rate(own)}`,
      ratio: `${(stock / transfer).toFixed(2)}; ${(own / transfer).toFixed(2)}`,
      goal: `≥ ${GOAL} of the raw libp2p stream`,
      reached: stock / transfer >= GOAL,
      data: { bytes, transferSeconds: transfer, stockSeconds: stock, ownStreamSeconds: own },
    },
  ]
  const what = `${size} handed to one daemon until it is complete at the other`
  if (version === undefined) {
    rows.push({
      what,
      measured: `${total.toFixed(1)} s`,
      baseline: 'Syncthing is not installed here',
      ratio: '-',
      goal: 'not slower than Syncthing',
      reached: true,
      data: { totalSeconds: total },
    })
    return rows
  }
  const theirs = median(syncthing.map(({ totalSeconds }) => totalSeconds))
  const theirTransfer = median(syncthing.map(({ transferSeconds }) => transferSeconds))
  rows.push(
    {
      what,
      measured: `${total.toFixed(1)} s`,
      baseline: `Syncthing ${version}: ${theirs.toFixed(1)} s`,
      ratio: (total / theirs).toFixed(2),
      goal: '≤ 1',
      reached: total <= theirs,
      data: { totalSeconds: total, syncthingSeconds: theirs },
    },
    {
      what: 'of that, from when the first daemon has all of it',
      measured: `${transfer.toFixed(1)} s (${rate(transfer)})`,
      baseline: `Syncthing ${version}: ${theirTransfer.toFixed(1)} s (${rate(theirTransfer)})`,
      ratio: (transfer / theirTransfer).toFixed(2),
      goal: '≤ 1',
      reached: transfer <= theirTransfer,
      data: { transferSeconds: transfer, syncthingSeconds: theirTransfer },
    },
  )
  return rows
}
