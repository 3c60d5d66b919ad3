/**
 * Runs the tests with tap and ends with one line of counts, `N passed, N failed`.
 *
 *     node scripts/test.ts [FILE …]
 *
 * MESH_TEST_TIER=soak widens the tests that have a long tier.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** For one test file of the long tier, in seconds. */
const SOAK_FILE_TIMEOUT_S = 3600

interface Counts {
  readonly total: number
  readonly fail: number
  readonly skip: number
}

/** tap's last summary line: `# { total: 12, pass: 11, fail: 1, skip: 1 }`. */
const readCounts = (tapOutput: string): Counts | undefined => {
  const summary = tapOutput.match(/^# \{ total: .*\}$/gm)?.at(-1)
  if (summary === undefined) return undefined
  const count = (name: string): number =>
    Number(new RegExp(`${name}: (\\d+)`).exec(summary)?.[1] ?? 0)
  return { total: count('total'), fail: count('fail'), skip: count('skip') + count('todo') }
}

const run = (program: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })

const scratch = mkdtempSync(join(tmpdir(), 'mesh-test-'))
const output = join(scratch, 'output.tap')
const code = await run('tap', [
  '--disable-coverage',
  // A terminal shows progress; a log wants the failures only.
  `--reporter=${process.stdout.isTTY ? 'terse' : 'min'}`,
  `--output-file=${output}`,
  ...(process.env.MESH_TEST_TIER === 'soak' ? [`--timeout=${SOAK_FILE_TIMEOUT_S}`] : []),
  ...process.argv.slice(2),
])
const counts = readCounts(readFileSync(output, 'utf8'))
rmSync(scratch, { recursive: true })

if (counts === undefined || counts.total === 0) {
  process.stdout.write('no test ran\n0 passed, 1 failed\n')
  process.exit(1)
}
const failed = Math.max(counts.fail, code === 0 ? 0 : 1)
const passed = counts.total - counts.fail - counts.skip
const skipped = counts.skip > 0 ? `, ${counts.skip} skipped` : ''
process.stdout.write(`${passed} passed, ${failed} failed${skipped}\n`)
process.exit(failed > 0 ? 1 : 0)
