/**
 * Shows that no check of mesh is there for nothing: switches each one off in a copy of the checkout
 * and runs the test that must notice.
 *
 *     node scripts/switch-off.ts [WORD …]
 *
 * With words, only the checks whose name holds one of them. Ends with 1 if a check could be switched
 * off unnoticed. The table is in scripts/switch-off/checks.ts, and for reading in docs/checks.md;
 * `./dev soak` runs it whole.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { applyEdits } from './switch-off/apply.ts'
import { checks } from './switch-off/checks.ts'
import { copyCheckout } from './switch-off/copy.ts'
import { resultOf, runTest } from './switch-off/run.ts'
import type { Check } from './switch-off/checks.ts'
import type { Result } from './switch-off/run.ts'

const JOBS = 2

const root = resolve(import.meta.dirname, '..')

interface Outcome {
  readonly whole: Result
  readonly without: Result | 'does not apply'
}

const isNoticed = ({ whole, without }: Outcome): boolean =>
  whole === 'passes' && (without === 'fails' || without === 'does not end')

const wordsOf = (outcome: Outcome): string => {
  const { whole, without } = outcome
  if (without === 'does not apply') {
    return 'NOT SWITCHED OFF: its source has changed; mend scripts/switch-off/checks.ts'
  }
  if (!isNoticed(outcome))
    return `UNNOTICED: the test ${whole} as things are, and ${without} without`
  return without === 'fails' ? 'fails as it must' : 'waits in vain, as it must'
}

/** Of the copy, not of the checkout: somebody may be working on that. */
const tryApply = (
  copy: string,
  edits: Check['edits'],
): ReturnType<typeof applyEdits> | undefined => {
  try {
    return applyEdits(copy, edits)
  } catch {
    return undefined
  }
}

const words = process.argv.slice(2)
const chosen = checks.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
)
const titlesOf = (test: string): string[] =>
  chosen.flatMap((check) => (check.test === test ? check.title : []))

const wholes = new Map<string, ReturnType<typeof runTest>>()

const tryOut = async (
  copies: { whole: string; broken: string },
  { edits, test, title }: Check,
): Promise<Outcome> => {
  const changed = tryApply(copies.broken, edits)
  if (changed === undefined) return { whole: 'is not run', without: 'does not apply' }
  const first = wholes.get(test) ?? runTest(copies.whole, test, { only: titlesOf(test) })
  wholes.set(test, first)
  const whole = resultOf(await first, title)
  try {
    for (const { file, after } of changed) writeFileSync(join(copies.broken, file), after)
    return {
      whole,
      without: resultOf(await runTest(copies.broken, test, { only: [title], until: title }), title),
    }
  } finally {
    for (const { file, before } of changed) writeFileSync(join(copies.broken, file), before)
  }
}

const startMs = performance.now()
const elapsed = (): string => {
  const seconds = Math.round((performance.now() - startMs) / 1_000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

let tried = 0
let noticed = 0
const whole = copyCheckout(root)
const queue = [...chosen]
const work = async (): Promise<void> => {
  const broken = copyCheckout(root)
  try {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      const outcome = await tryOut({ whole, broken }, check)
      tried++
      if (isNoticed(outcome)) noticed++
      const { name, test, title } = check
      const line = `${name} | ${test}: ${title} | ${wordsOf(outcome)}`
      process.stdout.write(`[${tried} of ${chosen.length}, ${elapsed()}] ${line}\n`)
    }
  } finally {
    rmSync(broken, { recursive: true })
  }
}
process.stdout.write('without the check of … | the test … | …\n')
try {
  await Promise.all(Array.from({ length: Math.min(JOBS, queue.length) }, work))
} finally {
  rmSync(whole, { recursive: true })
}
process.stdout.write(`${noticed} of ${chosen.length} noticed, in ${elapsed()}\n`)
process.exit(noticed === chosen.length && chosen.length > 0 ? 0 : 1)
