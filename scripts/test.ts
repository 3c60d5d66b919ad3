/**
 * Runs the tests with tap and ends with one line of counts, `N passed, N failed`.
 *
 *     node scripts/test.ts [FILE …]
 *
 * MESH_TEST_TIER=soak widens the tests that have a long tier.
 *
 * Test files run side by side, real daemons among them; those that fill the machine by themselves come
 * after the others, one at a time. A few files that fail there run once more,
 * one after the other: what fails again is a failure, what passes alone is named as unsteady, since
 * such a test wants mending too. What a failed file has said in comments is told with it: a seed and how
 * to repeat it, a trace.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCounts, readFailures } from './tap-output.ts'
import type { Counts, FailedFile } from './tap-output.ts'

/** For one test file of the long tier, in seconds. */
const SOAK_FILE_TIMEOUT_S = 3600

const soak = process.env.MESH_TEST_TIER === 'soak'

/** Files that start so many processes, or measure so closely, that others beside them would suffer. */
const ALONE = [
  'test/nix/containers.test.ts',
  'test/hostile/siege.test.ts',
  ...(soak ? ['test/integration/large.test.ts'] : []),
]

/** More files than this that fail at once are no accident. */
const MAX_FILES_RUN_AGAIN = 3

interface Outcome extends Counts {
  readonly failedFiles: ReadonlyMap<string, FailedFile>
}

const run = (program: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })

const runTap = async (args: readonly string[]): Promise<Outcome> => {
  const scratch = mkdtempSync(join(tmpdir(), 'mesh-test-'))
  const output = join(scratch, 'output.tap')
  const code = await run('tap', [
    '--disable-coverage',
    // A terminal shows progress; a log wants the failures only.
    `--reporter=${process.stdout.isTTY ? 'terse' : 'min'}`,
    `--output-file=${output}`,
    ...(soak ? [`--timeout=${SOAK_FILE_TIMEOUT_S}`] : []),
    ...args,
  ])
  const text = readFileSync(output, 'utf8')
  rmSync(scratch, { recursive: true })
  const counts = readCounts(text)
  return {
    ...counts,
    // A run that ended badly without a failed test is a failure all the same.
    failed: Math.max(counts.failed, code === 0 ? 0 : 1),
    failedFiles: readFailures(text),
  }
}

const tell = (heading: string, failures: Outcome['failedFiles']): void => {
  process.stdout.write(`\n${heading}\n`)
  for (const [file, { titles, comments }] of failures) {
    const lines = [...titles, ...comments.map((comment) => `# ${comment}`)]
    process.stdout.write(`  ${[file, ...lines.map((line) => `  ${line}`)].join('\n  ')}\n`)
  }
}

const combine = (a: Outcome, b: Outcome): Outcome => ({
  total: a.total + b.total,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
  failedFiles: new Map([...a.failedFiles, ...b.failedFiles]),
})

const asked = process.argv.slice(2)
const files = asked.length > 0 ? asked : globSync('test/**/*.test.ts').sort()
let first: Outcome = { total: 0, failed: 0, skipped: 0, failedFiles: new Map() }
const together = files.filter((file) => !ALONE.includes(file))
const alone = files.filter((file) => ALONE.includes(file))
if (together.length > 0) first = combine(first, await runTap(together))
if (alone.length > 0) first = combine(first, await runTap(['--jobs=1', ...alone]))
if (first.total === 0) {
  process.stdout.write('no test ran\n0 passed, 1 failed\n')
  process.exit(1)
}
let { failed } = first
if (first.failedFiles.size > 0) tell('failed:', first.failedFiles)
if (failed > 0 && first.failedFiles.size > 0 && first.failedFiles.size <= MAX_FILES_RUN_AGAIN) {
  process.stdout.write('\nonce more, alone:\n')
  const again = await runTap(['--jobs=1', ...first.failedFiles.keys()])
  failed = again.total === 0 ? failed : again.failed
  const unsteady = new Map([...first.failedFiles].filter(([file]) => !again.failedFiles.has(file)))
  if (again.failedFiles.size > 0) tell('failed again:', again.failedFiles)
  if (unsteady.size > 0) tell('unsteady (failed beside others, passed alone):', unsteady)
}
const passed = first.total - first.skipped - failed
const skipped = first.skipped > 0 ? `, ${first.skipped} skipped` : ''
process.stdout.write(`${passed} passed, ${failed} failed${skipped}\n`)
process.exit(failed > 0 ? 1 : 0)
