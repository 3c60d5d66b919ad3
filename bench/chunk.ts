/** How fast content is cut, without its hashes, in one thread; by CPU, which others on the machine hardly change. */
import { createCutter } from '../src/chunk/cutter.ts'
import { createDigester, systemRandom } from '../src/util/index.ts'
import { median } from './bench.ts'
import { mebibytes } from './process.ts'
import type { Benchmark } from './bench.ts'

const PIECE_BYTES = 256 * 1024
const GOAL_PER_SECOND = 1e9
/** What is cut again and again: none of it is the piece before. */
const PIECES = 64

/** Bytes a second of CPU. */
const rateOf = (bytes: number, work: (piece: Uint8Array) => void): number => {
  const pieces = Array.from({ length: PIECES }, () => systemRandom.bytes(PIECE_BYTES))
  const before = process.cpuUsage()
  for (let done = 0; done < bytes; ) {
    for (const piece of pieces) work(piece)
    done += PIECES * PIECE_BYTES
  }
  const { user, system } = process.cpuUsage(before)
  return (bytes * 1e6) / (user + system)
}

const cutAll = (): ((piece: Uint8Array) => void) => {
  const cutter = createCutter()
  return (piece) => {
    for (let at = 0; at >= 0 && at < piece.length; ) at = cutter.next(piece, at)
  }
}

export const benchmark: Benchmark = async (_log, { bytes, runs }) => {
  const cuts: number[] = []
  const hashes: number[] = []
  // The first one finds the code cold.
  for (let run = 0; run <= runs; run++) {
    const cut = rateOf(bytes, cutAll())
    const hash = rateOf(bytes, createDigester().update)
    if (run === 0) continue
    cuts.push(cut)
    hashes.push(hash)
  }
  const [cut, hash] = [median(cuts), median(hashes)]
  const gigabytes = (rate: number): string => `${(rate / 1e9).toFixed(2)} GB/s`
  return [
    {
      what: `${mebibytes(bytes)} cut into chunks, one thread`,
      measured: gigabytes(cut),
      baseline: `SHA-256 of the same: ${gigabytes(hash)}`,
      ratio: (cut / hash).toFixed(2),
      goal: '> 1 GB/s',
      reached: cut > GOAL_PER_SECOND,
      data: { cutBytesPerSecond: cut, hashBytesPerSecond: hash },
    },
  ]
}
