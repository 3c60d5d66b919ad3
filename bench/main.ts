/**
 * Runs the benchmarks and prints a Markdown table, or JSON with `--json`.
 *
 *     node bench/main.ts [--json] [--size 256MiB] [--runs 3] [NAME …]
 *
 * `--size` is that of large content, where a benchmark moves any: 1GiB for the figures of the README.
 */
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { parseSize } from '../src/util/index.ts'
import type { Benchmark } from './bench.ts'

const { values: options, positionals } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    size: { type: 'string', default: '256MiB' },
    runs: { type: 'string', default: '3' },
  },
  allowPositionals: true,
})

const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  propagation: async () => (await import('./propagation.ts')).benchmark,
  upload: async () => (await import('./upload.ts')).benchmark,
  catalogue: async () => (await import('./catalogue.ts')).benchmark,
  reconcile: async () => (await import('./reconcile.ts')).benchmark,
  growth: async () => (await import('./growth.ts')).benchmark,
  file: async () => (await import('./file.ts')).benchmark,
  origin: async () => (await import('./origin.ts')).benchmark,
  changed: async () => (await import('./changed.ts')).benchmark,
  holders: async () => (await import('./holders.ts')).benchmark,
  blocks: async () => (await import('./blocks.ts')).benchmark,
  chunk: async () => (await import('./chunk.ts')).benchmark,
  steps: async () => (await import('./steps.ts')).benchmark,
  stream: async () => (await import('./stream.ts')).benchmark,
  start: async () => (await import('./start.ts')).benchmark,
  cli: async () => (await import('./cli.ts')).benchmark,
}

const names = positionals.length > 0 ? positionals : Object.keys(benchmarks)
const bytes = parseSize(options.size)
const runs = Number(options.runs)
const log = (line: string): void => void process.stderr.write(`${line}\n`)
const rows = []
if (bytes === undefined || !Number.isInteger(runs) || runs < 1) {
  log('A size is a number with a unit (256MiB), and there is at least one run')
  process.exit(2)
}
for (const name of names) {
  const load = benchmarks[name]
  if (load === undefined) {
    log(`There is no benchmark '${name}'; there are: ${Object.keys(benchmarks).join(', ')}`)
    process.exit(2)
  }
  log(`${name} ...`)
  rows.push(...(await (await load())(log, { bytes, runs })))
}

const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`
if (options.json) {
  process.stdout.write(
    `${JSON.stringify({ schema: 'mesh-bench/1', machine, rows }, undefined, 2)}\n`,
  )
} else {
  process.stdout.write(
    '| what | measured | baseline, same run | ratio | goal | |\n|---|---|---|---|---|---|\n',
  )
  for (const row of rows) {
    const { what, measured, baseline, ratio, goal, reached } = row
    process.stdout.write(
      `| ${what} | ${measured} | ${baseline} | ${ratio} | ${goal} | ${reached ? 'reached' : '**missed**'} |\n`,
    )
  }
  process.stdout.write(`\nOn ${machine}.\n`)
}
process.exit(0)
