/**
 * Shows that no check of mesh is there for nothing: switches each one off in a copy of the checkout
 * and runs the test that must notice.
 *
 *     node scripts/switch-off.ts [WORD …]
 *
 * With words, only the checks whose name holds one of them. Ends with 1 if a check could be switched
 * off unnoticed. The table is in scripts/switch-off/checks.ts; `./dev soak` runs it whole.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { applyEdits } from './switch-off/apply.ts'
import { checks } from './switch-off/checks.ts'
import type { Check } from './switch-off/checks.ts'

/** For one test file; one that hangs without its check is ended. */
const RUN_TIMEOUT_MS = 180_000
const JOBS = 2

const root = resolve(import.meta.dirname, '..')

/** A copy of what belongs to the checkout, sharing its packages. */
const copyCheckout = (): string => {
  const copy = mkdtempSync(join(tmpdir(), 'mesh-switch-off-'))
  const listed = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  )
  for (const path of listed.split('\0').filter((each) => each !== '' && each !== 'node_modules')) {
    cpSync(join(root, path), join(copy, path), { force: true, errorOnExist: false })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

interface Run {
  readonly output: string
  readonly code: number | null
}

/** What a test file writes; it is run by node alone, which tap allows. */
const runTest = async (copy: string, test: string): Promise<Run> => {
  const child = spawn(process.execPath, [test], {
    cwd: copy,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: RUN_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, MESH_TEST_TIER: 'short', TAP_TIMEOUT: String(RUN_TIMEOUT_MS / 1000) },
  })
  let output = ''
  child.stdout.on('data', (piece) => {
    output += piece
  })
  const [code] = await once(child, 'close')
  return { output, code }
}

type Result = 'passes' | 'fails' | 'does not end' | 'is not run'

/** A test that waits for what never comes is ended by tap, with these words, or by us, with none. */
const UNENDED = /left in queue|after automatic end|test unfinished|^not ok .*timeout!/m

const resultOf = ({ output, code }: Run, title: string): Result => {
  const lines = output.split('\n').map((line) => line.trim().replace(/ # time=.*$/, ''))
  const said = (word: string): boolean =>
    lines.some((line) => line.startsWith(word) && line.includes(` - ${title}`))
  if (said('not ok')) return 'fails'
  if (code !== 0 && (UNENDED.test(output) || code === null)) return 'does not end'
  return said('ok') ? 'passes' : 'is not run'
}

interface Outcome {
  readonly check: Check
  readonly whole: Result
  readonly without: Result | 'does not apply'
}

const isNoticed = ({ whole, without }: Outcome): boolean =>
  whole === 'passes' && (without === 'fails' || without === 'does not end')

const tryApply = (edits: Check['edits']): ReturnType<typeof applyEdits> | undefined => {
  try {
    return applyEdits(root, edits)
  } catch {
    return undefined
  }
}

const words = process.argv.slice(2)
const chosen = checks.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
)
const wholes = new Map<string, Promise<Run>>()
const outcomes: Outcome[] = []

const tryOut = async (
  copies: { whole: string; broken: string },
  check: Check,
): Promise<Outcome> => {
  const { edits, test, title } = check
  const changed = tryApply(edits)
  if (changed === undefined) return { check, whole: 'is not run', without: 'does not apply' }
  let whole = wholes.get(test)
  if (whole === undefined) {
    whole = runTest(copies.whole, test)
    wholes.set(test, whole)
  }
  const before = resultOf(await whole, title)
  try {
    for (const { file, after } of changed) writeFileSync(join(copies.broken, file), after)
    return { check, whole: before, without: resultOf(await runTest(copies.broken, test), title) }
  } finally {
    for (const { file, before } of changed) writeFileSync(join(copies.broken, file), before)
  }
}

const whole = copyCheckout()
const queue = [...chosen]
const work = async (): Promise<void> => {
  const broken = copyCheckout()
  try {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      const outcome = await tryOut({ whole, broken }, check)
      outcomes.push(outcome)
      const what = isNoticed(outcome)
        ? outcome.without === 'fails'
          ? 'fails as it must'
          : 'waits in vain, as it must'
        : outcome.without === 'does not apply'
          ? 'NOT SWITCHED OFF: its source has changed; mend scripts/switch-off/checks.ts'
          : `UNNOTICED: the test ${outcome.whole} as things are, and ${outcome.without} without`
      process.stdout.write(`${check.name} | ${check.test}: ${check.title} | ${what}\n`)
    }
  } finally {
    rmSync(broken, { recursive: true })
  }
}
process.stdout.write('without the check of … | the test … | …\n')
await Promise.all(Array.from({ length: Math.min(JOBS, queue.length) }, work))
rmSync(whole, { recursive: true })
const noticed = outcomes.filter(isNoticed)
process.stdout.write(`${noticed.length} of ${chosen.length} are noticed\n`)
process.exit(noticed.length === chosen.length && chosen.length > 0 ? 0 : 1)
